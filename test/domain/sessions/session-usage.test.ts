import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { DataResidency } from '../../../lambdas/domain/openai-models.ts';
import { receiptOf } from '../../../lambdas/domain/sessions/receipt.ts';
import {
  applyEvent,
  checkForSilence,
  durationSecondsOf,
  entryOf,
  finalIfMintedBy,
  isOver,
  newSessionUsage,
  requestsTooOften,
  type SessionEvent,
  type SessionUsage,
  withRequestCounted,
} from '../../../lambdas/domain/sessions/session-usage.ts';
import { costOf } from '../../../lambdas/domain/usage/cost.ts';
import { addEntries, entryDifference, NO_ENTRY } from '../../../lambdas/domain/usage/ledger.ts';
import { PRICE_CATALOGUE, priceOf, priceOfVersion } from '../../../lambdas/domain/usage/price-catalogue.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';
import {
  type Arrival,
  afterMint,
  aSession,
  aSessionUsage,
  clockAt,
  connected,
  ended,
  failed,
  heartbeat,
  onTime,
  responseUsage,
  take,
} from './session-usage-fixture.ts';

const afterReports = (reports: readonly SessionEvent[], usage = aSessionUsage()): SessionUsage =>
  take(usage, onTime(reports)).usage;

/** Everything at once, late enough for all of it to be true. */
const allAt = (arrivesAt: number, reports: readonly SessionEvent[], usage = aSessionUsage()) =>
  take(
    usage,
    reports.map((report) => ({ report, arrivesAt })),
  );

describe('the length of a session', () => {
  it('is the time from connected to ended, in whole seconds', () => {
    expect(durationSecondsOf(afterReports([connected(2), heartbeat(22), ended(41.999)]))).toBe(39);
  });

  it('is zero without a connection, even if the session has ended', () => {
    const usage = afterReports([ended(30, 'failed')]);
    expect(entryOf(usage)).toMatchObject({ sessions: 0, seconds: 0, billedSeconds: 0, committedSeconds: 0 });
  });

  it('begins with the first sign of life if the connected event was lost', () => {
    expect(durationSecondsOf(afterReports([heartbeat(22), heartbeat(42), ended(50)]))).toBe(28);
    expect(durationSecondsOf(afterReports([responseUsage(10, { audioOut: 5 }), ended(50)]))).toBe(40);
  });

  it('begins with the connection, not with an earlier heartbeat', () => {
    expect(durationSecondsOf(afterReports([heartbeat(1), connected(5), ended(15)]))).toBe(10);
  });

  it('makes the session count even if the connected event was lost', () => {
    expect(entryOf(afterReports([heartbeat(22)]))).toMatchObject({ sessions: 1, unpricedSessions: 0 });
  });

  it('includes each event with new information, even if it is older than the events before', () => {
    const { usage, outcomes } = take(aSessionUsage(), [
      { report: heartbeat(40), arrivesAt: 50 },
      { report: heartbeat(20), arrivesAt: 50 },
      { report: connected(20), arrivesAt: 50 },
      { report: heartbeat(30), arrivesAt: 50 },
    ]);
    expect(outcomes).toEqual(['accepted', 'accepted', 'accepted', 'duplicate']);
    expect(usage).toMatchObject({
      connectedAtMs: afterMint(20),
      firstSeenAtMs: afterMint(20),
      lastSeenAtMs: afterMint(40),
    });
  });

  it('ends at the last sign of life while the session is live', () => {
    const { usage } = take(aSessionUsage(), [
      { report: connected(0), arrivesAt: 0 },
      { report: heartbeat(20), arrivesAt: 60 },
    ]);
    expect(durationSecondsOf(usage)).toBe(20);
  });

  it('grows with each heartbeat while the session is live', () => {
    expect(durationSecondsOf(afterReports([connected(0), heartbeat(20), heartbeat(40)]))).toBe(40);
  });

  it('is never negative: an end before the connection is ignored', () => {
    expect(durationSecondsOf(afterReports([connected(50), ended(20)]))).toBe(0);
  });

  it('is never longer than the 60 minutes that OpenAI allows', () => {
    const anHour = aSessionUsage({ maxDurationSeconds: 3_600 });
    const reports = [connected(0), ended(3_600 - 0.001)];
    expect(durationSecondsOf(afterReports(reports, anHour))).toBe(3_599);
    expect(durationSecondsOf(afterReports([connected(0), ended(3_600)], anHour))).toBe(3_600);
    expect(durationSecondsOf(afterReports([connected(0), ended(3_700)], anHour))).toBe(3_600);
  });

  it('is never more than its admitted duration and half a minute to hang up, whatever arrives later', () => {
    const aMinute = aSessionUsage({ maxDurationSeconds: 60 });
    expect(durationSecondsOf(afterReports([connected(0), heartbeat(90)], aMinute))).toBe(90);
    expect(durationSecondsOf(afterReports([connected(0), heartbeat(3_500)], aMinute))).toBe(90);
  });

  it('is never more than our own clock allows, whatever the browser reports', () => {
    const { usage } = take(aSessionUsage(), [
      { report: connected(-300), arrivesAt: 5 },
      { report: heartbeat(300), arrivesAt: 20 },
    ]);
    expect(durationSecondsOf(usage)).toBe(20);
  });

  it('does not depend on the clock of the browser, if the clock is wrong by at most five minutes', () => {
    for (const skew of [-300, -17, 0, 17, 299]) {
      const { usage } = take(aSessionUsage(), [
        { report: connected(skew + 1), arrivesAt: 1 },
        { report: heartbeat(skew + 21), arrivesAt: 21 },
        { report: ended(skew + 31), arrivesAt: 31 },
      ]);
      expect(durationSecondsOf(usage)).toBe(30);
    }
  });
});

describe('the minimum of five seconds', () => {
  it.each([
    [4.999, 4, 0],
    [5, 5, 5],
    [6, 6, 6],
  ])(
    'applies to a managed session: %p s last %p s and are billed as %p',
    (length, seconds, billedSeconds) => {
      const usage = afterReports([connected(1), ended(1 + length)]);
      expect(entryOf(usage)).toMatchObject({
        sessions: 1,
        seconds,
        billedSeconds,
        committedSeconds: billedSeconds,
      });
    },
  );

  it("never makes a session on the customer's own key billable", () => {
    const usage = afterReports([connected(1), ended(601)], aSessionUsage({ mode: 'byok' }));
    expect(entryOf(usage)).toMatchObject({ seconds: 600, billedSeconds: 0, committedSeconds: 0 });
  });
});

describe('the end of a session', () => {
  it('is the earliest end that was reported', () => {
    const usage = afterReports([connected(0), ended(60), ended(30, 'idle'), ended(90)]);
    expect(receiptOf(usage)).toMatchObject({ seconds: 30, endReason: 'idle', state: 'ended' });
  });

  it('is the same in either order for two end events of the same moment', () => {
    const ends = [ended(30, 'page_closed'), ended(30, 'hung_up')];
    const reasons = [ends, ends.toReversed()].map(
      (reports) => receiptOf(afterReports([connected(0), ...reports])).endReason,
    );
    expect(reasons).toEqual(['hung_up', 'hung_up']);
  });

  it('is not changed by later events', () => {
    const usage = afterReports([connected(0), ended(30), heartbeat(40), heartbeat(400)]);
    expect(durationSecondsOf(usage)).toBe(30);
  });

  it('replaces the end that silence had assumed, when its event arrives late and is earlier', () => {
    const silent = checkForSilence(afterReports([connected(0), heartbeat(20)]), clockAt(200));
    expect(durationSecondsOf(silent)).toBe(40);
    expect(durationSecondsOf(take(silent, [{ report: ended(25), arrivesAt: 300 }]).usage)).toBe(25);
  });
});

describe('the silence of a session', () => {
  const alive = afterReports([connected(0), heartbeat(100)], aSessionUsage({ connectSeconds: 90 }));

  it('ends the session after 75 seconds, and not earlier', () => {
    expect(isOver(checkForSilence(alive, clockAt(174.999)))).toBe(false);
    expect(isOver(checkForSilence(alive, clockAt(175)))).toBe(true);
  });

  it('ends the session at the last sign of life plus one heartbeat', () => {
    const over = checkForSilence(alive, clockAt(175));
    expect(receiptOf(over)).toMatchObject({ seconds: 120, endReason: 'silence', state: 'ended' });
    expect(receiptOf(over).endedAt).toBe(clockAt(120).toISOString());
  });

  it('is ignored while the client secret may still open a session', () => {
    const unheard = aSessionUsage({ connectSeconds: 90 });
    expect(isOver(checkForSilence(unheard, clockAt(89.999)))).toBe(false);
    expect(isOver(checkForSilence(unheard, clockAt(90)))).toBe(true);
  });

  it('releases the whole hold if the session never connected', () => {
    const held = aSessionUsage({ holdSeconds: 600 });
    expect(entryOf(held)).toMatchObject({ sessions: 0, billedSeconds: 0, committedSeconds: 600 });
    expect(entryOf(checkForSilence(held, clockAt(90)))).toEqual(NO_ENTRY);
  });

  it.each([
    { hold: 30, seen: 20, seconds: 40, billed: 30 },
    { hold: 30, seen: 33, seconds: 53, billed: 30 },
    { hold: 60, seen: 20, seconds: 40, billed: 40 },
  ])(
    'ends a session last seen after $seen seconds that held $hold with $billed billed seconds',
    ({ hold, seen, seconds, billed }) => {
      const usage = afterReports([connected(0), heartbeat(seen)], aSessionUsage({ holdSeconds: hold }));
      expect(entryOf(checkForSilence(usage, clockAt(200)))).toMatchObject({
        seconds,
        billedSeconds: billed,
        committedSeconds: billed,
      });
    },
  );

  it('never ends a session that has ended', () => {
    const over = checkForSilence(alive, clockAt(175));
    expect(checkForSilence(over, clockAt(1_000))).toBe(over);
    const hungUp = afterReports([connected(0), ended(10)]);
    expect(checkForSilence(hungUp, clockAt(1_000))).toBe(hungUp);
  });

  it('schedules the next check at the earliest time of a silence', () => {
    expect(checkForSilence(alive, clockAt(150)).dueAtMs).toBe(afterMint(175));
  });

  it('does not exclude events that arrive late after a lost connection', () => {
    const over = checkForSilence(alive, clockAt(175));
    const { usage, outcomes } = allAt(300, [heartbeat(120), heartbeat(140), ended(155)], over);
    expect(outcomes).toEqual(['accepted', 'accepted', 'accepted']);
    expect(receiptOf(usage)).toMatchObject({ seconds: 155, endReason: 'hung_up' });
  });
});

describe('the held seconds of a session', () => {
  const held = aSessionUsage({ holdSeconds: 600 });

  it('stay committed while the session may run, and equal its use once it has ended', () => {
    const running = afterReports([connected(0), heartbeat(100)], held);
    expect(entryOf(running)).toMatchObject({ billedSeconds: 100, committedSeconds: 600 });
    const over = afterReports([ended(130)], running);
    expect(entryOf(over)).toMatchObject({ billedSeconds: 130, committedSeconds: 130 });
  });

  it('limit the totals of a running session until the hold grows, but not its receipt', () => {
    let usage: SessionUsage = aSessionUsage({ holdSeconds: 120 });
    const settled = (after: SessionUsage): number => {
      usage = { ...after, posted: entryOf(after) };
      return usage.posted.billedSeconds;
    };
    const until = (seconds: number): SessionUsage => afterReports([connected(0), heartbeat(seconds)], usage);
    expect(settled(until(60))).toBe(0);
    expect(receiptOf(usage)).toMatchObject({ billedSeconds: 60 });
    expect(settled({ ...until(80), holdSeconds: 200 })).toBe(80);
    expect(settled(until(100))).toBe(80);
    // As far as the plan has seconds: what the totals contain never falls.
    expect(settled({ ...until(150), holdSeconds: 210 })).toBe(90);
    expect(settled({ ...until(160), holdSeconds: 205 })).toBe(90);
    expect(settled(until(205))).toBe(205);
    expect(settled({ ...until(210), holdSeconds: 215 })).toBe(205);
    expect(settled(afterReports([ended(212)], usage))).toBe(212);
    expect(entryOf(usage)).toMatchObject({ billedSeconds: 212, committedSeconds: 212 });
  });

  it('are released if the session was shorter than its totals', () => {
    const running = { ...afterReports([connected(0), heartbeat(100)], held), holdSeconds: 220 };
    const posted = { ...running, posted: entryOf(running) };
    expect(posted.posted).toMatchObject({ billedSeconds: 100 });
    expect(entryOf(afterReports([ended(70)], posted))).toMatchObject({
      billedSeconds: 70,
      committedSeconds: 70,
    });
  });

  it('are the most that is billed, even if the session continued beyond them', () => {
    const over = afterReports([connected(0), heartbeat(601), ended(615)], held);
    expect(entryOf(over)).toMatchObject({ seconds: 615, billedSeconds: 600, committedSeconds: 600 });
  });
});

describe('an impossible time in an event', () => {
  it.each([
    ['five minutes before the mint', -300, 'accepted'],
    ['a moment earlier', -300.001, 'flagged'],
    ['five minutes ahead of us', 310, 'accepted'],
    ['a moment later', 310.001, 'flagged'],
    ['a year ahead', 31_536_000, 'flagged'],
    ['the last moment that a date has', 8.64e12, 'flagged'],
  ])('%s: %s s after the mint, seen after 10 s, is %s', (_, at, outcome) => {
    const report = { ...heartbeat(0), atMs: Math.min(8.64e15, afterMint(at)) };
    const taken = applyEvent(aSessionUsage(), report, clockAt(10));
    expect(taken.outcome).toBe(outcome);
    const seen = outcome === 'accepted' ? report.atMs : null;
    expect(taken.usage.lastSeenAtMs).toBe(seen);
  });

  it('is flagged on the session and changes nothing else', () => {
    const before = afterReports([connected(0), heartbeat(20)]);
    for (const report of [
      heartbeat(9_999),
      ended(9_999),
      responseUsage(9_999, { audioOut: 1 }),
      failed(9_999),
    ]) {
      const { usage, outcome } = applyEvent(before, report, clockAt(20));
      expect(outcome).toBe('flagged');
      expect(usage).toEqual({ ...before, flags: ['time_out_of_bounds'] });
    }
  });

  it('is any time after the period for late events', () => {
    const lastSecond = 7_200 + 3_600 + 3_600;
    const before = aSessionUsage({ connectSeconds: 7_230 });
    expect(applyEvent(before, ended(100), clockAt(lastSecond)).outcome).toBe('accepted');
    const late = applyEvent(before, ended(100), clockAt(lastSecond + 0.001));
    expect(late).toEqual({ usage: before, outcome: 'flagged' });
  });

  it('is any time in an event of a session that is already final', () => {
    const now = clockAt(20_000);
    const latest = finalIfMintedBy(now).getTime();
    const reportOf = (mintedMs: number) =>
      applyEvent(
        aSessionUsage({ mintedMs, connectSeconds: 7_230 }),
        { type: 'ended', id: 'end', atMs: mintedMs + 1_000, reason: 'hung_up' },
        now,
      ).outcome;
    expect(reportOf(latest)).toBe('accepted');
    expect(reportOf(latest - 1)).toBe('flagged');
  });
});

describe('a session without any event', () => {
  it('is checked when its secret has expired, and not before 75 seconds', () => {
    expect(aSessionUsage({ connectSeconds: 90 })).toMatchObject({
      quietUntilMs: afterMint(90),
      dueAtMs: afterMint(90),
      receivedAtMs: afterMint(0),
    });
    expect(aSessionUsage({ connectSeconds: 40 })).toMatchObject({
      quietUntilMs: afterMint(40),
      dueAtMs: afterMint(75),
    });
  });

  it('holds nothing and may last the hour that OpenAI allows, if it was stored without its admission', () => {
    const { admission: _, ...before } = aSession();
    expect(newSessionUsage(before)).toMatchObject({
      holdSeconds: 0,
      longestSeconds: 3_600,
      quietUntilMs: 0,
      dueAtMs: afterMint(75),
    });
  });
});

describe('the receipt of a session', () => {
  const byok = aSessionUsage({ mode: 'byok' });

  it.each([
    ['that is only minted', [], { state: 'issued', connectedAt: null, endedAt: null, endReason: null }],
    [
      'that lives',
      [connected(2), heartbeat(22)],
      { state: 'live', connectedAt: '2026-11-23T12:00:02.000Z', endedAt: null, endReason: null },
    ],
    [
      'that ended',
      [connected(2), ended(42, 'idle')],
      {
        state: 'ended',
        connectedAt: '2026-11-23T12:00:02.000Z',
        endedAt: '2026-11-23T12:00:42.000Z',
        endReason: 'idle',
      },
    ],
    [
      'that failed before it connected',
      [ended(3, 'failed')],
      { state: 'ended', connectedAt: null, endedAt: '2026-11-23T12:00:03.000Z', endReason: 'failed' },
    ],
  ])('%s shows its state', (_, reports, shown) => {
    expect(receiptOf(afterReports(reports))).toMatchObject({ payer: 'managed', estimated: true, ...shown });
    expect(receiptOf(afterReports(reports, byok))).toMatchObject({
      payer: 'byok',
      estimated: true,
      ...shown,
    });
  });

  it('that fell silent states that nobody ended it', () => {
    const silent = checkForSilence(afterReports([connected(2), heartbeat(22)]), clockAt(200));
    expect(receiptOf(silent)).toMatchObject({
      state: 'ended',
      endReason: 'silence',
      endedAt: '2026-11-23T12:00:42.000Z',
    });
  });

  it('lists its flags in a fixed order', () => {
    const tokens = { report: responseUsage(50, { audioOut: 100_000 }), arrivesAt: 50 };
    const time = { report: heartbeat(10_000), arrivesAt: 50 };
    const flags = ['time_out_of_bounds', 'tokens_out_of_bounds'];
    for (const arrivals of [
      [tokens, time],
      [time, tokens],
    ]) {
      const { usage } = take(aSessionUsage(), arrivals);
      expect(usage.flags).toEqual(flags);
      expect(receiptOf(usage)).toMatchObject({ flags, estimated: true });
    }
  });

  it('without a price is an estimate without a sum, and counts as unpriced after the connection', () => {
    const unknown = aSessionUsage({ model: 'gpt-realtime-9' });
    expect(receiptOf(unknown)).toMatchObject({ costMicroCents: null, estimated: true, priceVersion: null });
    expect(entryOf(unknown).unpricedSessions).toBe(0);
    expect(entryOf(afterReports([connected(1)], unknown)).unpricedSessions).toBe(1);
    expect(entryOf(afterReports([connected(1)])).unpricedSessions).toBe(0);
  });
});

describe('the tokens of a session', () => {
  const takenAt = (seconds: number, tokens: Parameters<typeof responseUsage>[1], usage = aSessionUsage()) =>
    applyEvent(usage, responseUsage(seconds, tokens), clockAt(seconds));

  // (50 s + 10 s) × 1.5 = 90 s: 20 tokens a second are spoken, 10 heard alongside them; one answer of 4,096 may be ahead.
  it.each([
    ['spoken', { audioOut: 5_896 }, { audioOut: 5_897 }],
    ['heard', { audioIn: 6_796 }, { audioIn: 6_797 }],
    [
      'heard again from the cache',
      { audioIn: 4_796, cachedAudioIn: 2_000 },
      { audioIn: 4_797, cachedAudioIn: 2_000 },
    ],
    ['read', { textIn: 100_000, imageIn: 28_000 }, { textIn: 100_000, cachedTextIn: 28_001 }],
    [
      'read, each kind of it',
      { textIn: 32_000, cachedTextIn: 32_000, imageIn: 32_000, cachedImageIn: 32_000 },
      { textIn: 32_000, cachedTextIn: 32_000, imageIn: 32_000, cachedImageIn: 32_001 },
    ],
    ['written', { textOut: 32_000 }, { textOut: 32_001 }],
  ])('%s: the maximum is counted, and one more is flagged', (_, most, tooMany) => {
    const counted = takenAt(50, most);
    expect(counted.outcome).toBe('accepted');
    expect(counted.usage).toMatchObject({
      counted: { ...NO_TOKENS, ...most },
      flaggedTokens: NO_TOKENS,
      flags: [],
    });
    const flagged = takenAt(50, tooMany);
    expect(flagged.outcome).toBe('flagged');
    expect(flagged.usage).toMatchObject({
      counted: NO_TOKENS,
      flaggedTokens: { ...NO_TOKENS, ...tooMany },
      flags: ['tokens_out_of_bounds'],
    });
  });

  it('that were spoken must fit into its time in total', () => {
    const first = takenAt(50, { audioOut: 5_596 }).usage;
    expect(takenAt(50, { audioOut: 300 }, first).outcome).toBe('accepted');
    expect(takenAt(50, { audioOut: 301 }, first).outcome).toBe('flagged');
  });

  it('that were spoken stop growing an hour after the last possible connection, however late they are reported', () => {
    // 90 s to connect, an hour, 10 s: × 1.5 × 20, and one answer ahead.
    const most = (90 + 3_600 + 10) * 1.5 * 20 + 4_096;
    expect(takenAt(9_000, { audioOut: most }).outcome).toBe('accepted');
    expect(takenAt(9_000, { audioOut: most + 1 }).outcome).toBe('flagged');
  });

  it('do not count as a connection', () => {
    const usage = afterReports([responseUsage(3, { audioOut: 5 }), connected(5), ended(15)]);
    expect(durationSecondsOf(usage)).toBe(10);
  });

  it('cost nothing if they are impossible, and are on the receipt', () => {
    const { usage } = takenAt(50, { audioOut: 100_000 });
    expect(receiptOf(usage)).toMatchObject({
      costMicroCents: 0,
      estimated: true,
      flags: ['tokens_out_of_bounds'],
      flaggedTokens: { audioOut: 100_000 },
    });
    expect(entryOf(usage)).toMatchObject({ flaggedSessions: 1, costMicroCents: 0 });
  });

  it('do not prove that the session is live if they are impossible', () => {
    expect(takenAt(50, { audioOut: 100_000 }).usage).toMatchObject({
      firstSeenAtMs: null,
      lastSeenAtMs: null,
    });
  });

  it('count once per response, under any event ID', () => {
    const reports = [
      responseUsage(10, { audioOut: 7 }, 'resp_1'),
      responseUsage(11, { audioOut: 7 }, 'resp_1'),
    ];
    const { usage, outcomes } = take(aSessionUsage(), onTime(reports));
    expect(outcomes).toEqual(['accepted', 'duplicate']);
    expect(usage).toMatchObject({ counted: { audioOut: 7 }, responses: 1 });
  });

  it('are priced by the catalogue of the day of the mint', () => {
    const tokens = { ...NO_TOKENS, audioIn: 100, cachedAudioIn: 40, audioOut: 60, textIn: 9, textOut: 5 };
    const usage = afterReports([connected(0), responseUsage(20, tokens), ended(30)]);
    const price = priceOf('gpt-realtime-2.1-mini', clockAt(0), 'global');
    if (price === undefined) throw new Error('The catalogue lost the model of these tests.');
    expect(receiptOf(usage)).toMatchObject({
      priceVersion: price.version,
      costMicroCents: costOf(tokens, price).totalMicroCents,
    });
  });

  it('are priced in the region of the mint, even if the site changes its region', () => {
    const tokens = { ...NO_TOKENS, textIn: 100_000, textOut: 2_000 };
    const receiptIn = (dataResidency: DataResidency | undefined) => {
      const session = { ...aSession({ model: 'gpt-realtime-2.1' }), dataResidency };
      const usage = afterReports(
        [connected(0), responseUsage(20, tokens), ended(30)],
        newSessionUsage(session),
      );
      const { priceVersion, costMicroCents } = receiptOf(usage);
      return [priceVersion, costMicroCents];
    };
    expect(receiptIn('eu')).toEqual(['gpt-realtime-2.1@2026-07-01/eu', 49_280_000]);
    expect(receiptIn('global')).toEqual(['gpt-realtime-2.1@2026-07-01', 44_800_000]);
    // A session from before regions were kept stays at the price that it was counted at.
    expect(receiptIn(undefined)).toEqual(['gpt-realtime-2.1@2026-07-01', 44_800_000]);
  });

  it('cost the same after the price changed within the month', () => {
    const tokens = { ...NO_TOKENS, textIn: 100_000, textOut: 2_000 };
    const usage = afterReports([responseUsage(20, tokens)], aSessionUsage({ model: 'gpt-realtime-2.1' }));
    const changed = PRICE_CATALOGUE.flatMap((row) => [
      row,
      // One from the middle of the month on, and one that was found late and lies before the session.
      { ...row, from: '2026-11-15', text: { input: 40, cachedInput: 4, output: 240 } },
      { ...row, from: '2026-11-25', text: { input: 80, cachedInput: 8, output: 480 } },
    ]);
    const price = priceOfVersion(usage.priceVersion ?? '', changed);
    if (price === undefined) throw new Error('The price is gone.');
    expect(costOf(usage.counted, price).totalMicroCents).toBe(receiptOf(usage).costMicroCents);
    expect(priceOf('gpt-realtime-2.1', clockAt(0), 'global', changed)?.version).not.toBe(price.version);
  });

  it('have no price for an unknown model, and the session counts as unpriced', () => {
    const usage = afterReports(
      [responseUsage(20, { audioOut: 50 })],
      aSessionUsage({ model: 'gpt-unheard-of' }),
    );
    expect(receiptOf(usage)).toMatchObject({ priceVersion: null, costMicroCents: null, estimated: true });
    expect(entryOf(usage)).toMatchObject({ costMicroCents: 0, unpricedSessions: 1 });
  });

  it('are flagged beyond one response per second of the session', () => {
    let usage = aSessionUsage();
    const outcomes = Array.from({ length: 16 }, () => {
      const taken = applyEvent(usage, responseUsage(0, { textOut: 1 }), clockAt(0));
      usage = taken.usage;
      return taken.outcome;
    });
    expect(outcomes).toEqual([...Array(15).fill('accepted'), 'flagged']);
  });
});

describe('a repeated event of a session', () => {
  it('changes nothing, and returns the same object', () => {
    const reports = [connected(0), heartbeat(20), responseUsage(25, { audioOut: 9 }), failed(26), ended(40)];
    const usage = afterReports(reports);
    for (const report of reports)
      expect(applyEvent(usage, report, clockAt(45))).toEqual({ usage, outcome: 'duplicate' });
    for (const report of reports) expect(applyEvent(usage, report, clockAt(45)).usage).toBe(usage);
  });

  it('is flagged, like any other, beyond four thousand events', () => {
    const { usage, outcomes } = take(
      aSessionUsage(),
      Array.from({ length: 4_001 }, () => ({ report: failed(5), arrivesAt: 5 })),
    );
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(4_000);
    expect(outcomes.at(-1)).toBe('flagged');
    expect(usage.flags).toEqual(['too_many_reports']);
    expect(usage.seen.size).toBe(4_000);
    // A response leaves two.
    const almost = take(
      aSessionUsage(),
      Array(3_999)
        .fill(0)
        .map(() => ({ report: failed(5), arrivesAt: 5 })),
    ).usage;
    const { usage: full, outcome } = applyEvent(almost, responseUsage(5, { textOut: 1 }), clockAt(5));
    expect(outcome).toBe('flagged');
    expect(full.flags).toEqual(['too_many_reports']);
    expect(applyEvent(almost, failed(5), clockAt(5)).outcome).toBe('accepted');
    const justRoom = { ...almost, seen: new Set([...almost.seen].slice(1)) };
    expect(applyEvent(justRoom, responseUsage(5, { textOut: 1 }), clockAt(5)).outcome).toBe('accepted');
  });
});

describe("the rate limit of a session's events", () => {
  it('is 120 requests in a clock minute', () => {
    let usage = aSessionUsage();
    for (let i = 0; i < 120; i++) {
      expect(requestsTooOften(usage, clockAt(30))).toBe(false);
      usage = withRequestCounted(usage, clockAt(30));
    }
    expect(requestsTooOften(usage, clockAt(59.999))).toBe(true);
    expect(requestsTooOften(usage, clockAt(60))).toBe(false);
    expect(withRequestCounted(usage, clockAt(60)).pace.requests).toBe(1);
  });
});

/**
 * An honest session: what a browser that counts its own seconds reports of it, in the order in which it happened. It hears
 * at most 10 tokens a second and speaks at most 20.
 */
const honestSession = fc
  .record({
    connectsAfter: fc.integer({ min: 0, max: 60 }),
    lasts: fc.integer({ min: 0, max: 900 }),
    skew: fc.integer({ min: -290, max: 290 }),
    responses: fc.array(
      fc.record({ share: fc.double({ min: 0, max: 1, noNaN: true }), spoken: fc.nat(200) }),
      {
        maxLength: 8,
      },
    ),
    fails: fc.boolean(),
    ends: fc.boolean(),
  })
  .map(({ connectsAfter, lasts, skew, responses, fails, ends }): Arrival[] => {
    const at = (seconds: number) => seconds + skew;
    const arrival = (happens: number, make: (at: number) => SessionEvent): Arrival => ({
      report: make(at(happens)),
      arrivesAt: happens,
    });
    const last = connectsAfter + lasts;
    const beats = Array.from({ length: Math.floor(lasts / 20) }, (_, i) => connectsAfter + 20 * (i + 1));
    return [
      arrival(connectsAfter, (t) => connected(t)),
      ...beats.map((beat) => arrival(beat, (t) => heartbeat(t))),
      ...responses.map(({ share, spoken }) => {
        const happens = connectsAfter + Math.floor(share * lasts);
        // Eight at most, each within what has passed: together they fit as well.
        const audioOut = Math.min(spoken, Math.floor((20 * (happens - connectsAfter)) / 8));
        return arrival(happens, (t) => responseUsage(t, { audioOut, audioIn: audioOut, textIn: 50 }));
      }),
      ...(fails ? [arrival(last, (t) => failed(t))] : []),
      ...(ends ? [arrival(last, (t) => ended(t))] : []),
    ];
  });

/** The same reports, in any order, some of them several times, all of them after they happened. */
const muddled = honestSession.chain((arrivals) =>
  fc.record({
    arrivals: fc.constant(arrivals),
    delivered: fc
      .tuple(
        fc.shuffledSubarray(arrivals, { minLength: arrivals.length, maxLength: arrivals.length }),
        fc.array(fc.constantFrom(...arrivals), { maxLength: 12 }),
      )
      .map(([once, again]) => [...once, ...again]),
    /** How many reports go together in one request. */
    sizes: fc.array(fc.integer({ min: 1, max: 5 }), { minLength: 1, maxLength: 40 }),
  }),
);

const SEED = 20_261_124;

describe('the receipt of an honest session', () => {
  it('is the same for every order, repetition and batching of its events, and flags none of them', () => {
    fc.assert(
      fc.property(
        muddled,
        fc.constantFrom<SessionUsage>(aSessionUsage(), aSessionUsage({ holdSeconds: 600 })),
        (given, usage) => {
          const end = Math.max(...given.arrivals.map(({ arrivesAt }) => arrivesAt));
          const inOrder = take(
            usage,
            given.arrivals.toSorted((a, b) => a.arrivesAt - b.arrivesAt),
          );
          const late = take(
            usage,
            given.delivered.map(({ report }) => ({ report, arrivesAt: end })),
          );
          const outcome = (taken: typeof late) =>
            receiptOf(checkForSilence(taken.usage, clockAt(end + 10_000)));
          expect(late.outcomes).not.toContain('flagged');
          expect(inOrder.outcomes).not.toContain('flagged');
          expect(outcome(late)).toEqual(outcome(inOrder));
        },
      ),
      { seed: SEED, numRuns: 200 },
    );
  });

  it('equals the sum of its ledger entries, for any batching of its events', () => {
    fc.assert(
      fc.property(muddled, ({ arrivals, delivered, sizes }) => {
        const end = Math.max(...arrivals.map(({ arrivesAt }) => arrivesAt));
        let usage = aSessionUsage({ holdSeconds: 600 });
        let total = NO_ENTRY;
        let next = 0;
        const post = (changed: SessionUsage) => {
          total = addEntries(total, entryDifference(entryOf(changed), usage.posted));
          usage = { ...changed, posted: entryOf(changed) };
        };
        for (let i = 0; next < delivered.length; i++) {
          const size = sizes[i % sizes.length] ?? 1;
          const batch = delivered.slice(next, next + size);
          next += size;
          post(
            take(
              usage,
              batch.map(({ report }) => ({ report, arrivesAt: end })),
            ).usage,
          );
          expect(total).toEqual(entryOf(usage));
        }
        post(checkForSilence(usage, clockAt(end + 10_000)));
        expect(total).toEqual(entryOf(usage));
        expect(total.committedSeconds).toBe(total.billedSeconds);
        expect(receiptOf(usage)).toMatchObject({
          seconds: total.seconds,
          billedSeconds: total.billedSeconds,
          tokens: total.tokens,
          costMicroCents: total.costMicroCents,
        });
      }),
      { seed: SEED, numRuns: 200 },
    );
  });
});

describe('false events of a browser', () => {
  const lie = fc.oneof(
    fc.integer({ min: -1_000, max: 20_000 }).map((t) => connected(t)),
    fc.integer({ min: -1_000, max: 20_000 }).map((t) => heartbeat(t)),
    fc.integer({ min: -1_000, max: 20_000 }).map((t) => ended(t)),
    fc
      .tuple(fc.integer({ min: -1_000, max: 20_000 }), fc.nat(1e9), fc.nat(1e9))
      .map(([t, audioOut, audioIn]) => responseUsage(t, { audioOut, audioIn })),
  );
  const told = fc.array(fc.record({ report: lie, arrivesAt: fc.integer({ min: 0, max: 15_000 }) }), {
    maxLength: 40,
  });

  it('never make a session longer than its age or an hour, or count more speech than fits', () => {
    fc.assert(
      fc.property(told, (arrivals) => {
        const inTime = arrivals.toSorted((a, b) => a.arrivesAt - b.arrivesAt);
        const { usage } = take(aSessionUsage(), inTime);
        const now = inTime.at(-1)?.arrivesAt ?? 0;
        const entry = entryOf(checkForSilence(usage, clockAt(now + 1_000)));
        expect(entry.seconds).toBeGreaterThanOrEqual(0);
        expect(entry.seconds).toBeLessThanOrEqual(Math.min(now + 20, 3_600));
        expect(entry.tokens.audioOut).toBeLessThanOrEqual(20 * 1.5 * (now + 10));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});
