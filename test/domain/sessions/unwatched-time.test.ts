import { describe, expect, it } from '@jest/globals';
import type { CallId } from '../../../lambdas/domain/calls/call.ts';
import {
  entryOf,
  isWatchedWhole,
  needsSweeper,
  type SessionUsage,
} from '../../../lambdas/domain/sessions/session-usage.ts';
import { costAtPriceOf } from '../../../lambdas/domain/sessions/unwatched-time.ts';
import {
  type WatchNote,
  withCallClosed,
  withEndSettled,
  withWatchNote,
  withWatchTaken,
} from '../../../lambdas/domain/sessions/watched-usage.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';
import { afterMint, aSessionUsage, clockAt, onTime, responseUsage, take } from './session-usage-fixture.ts';

const START = { callId: 'rtc_1' as CallId, openedAtMs: afterMint(0) };
const TOKENS = { ...NO_TOKENS, audioIn: 100, audioOut: 20 };
const response = (responseId: string, begunUnseen = false): WatchNote => ({
  type: 'response',
  responseId,
  tokens: TOKENS,
  begunUnseen,
});
const present = (usage: SessionUsage | undefined): SessionUsage => {
  if (usage === undefined) throw new Error('Refused.');
  return usage;
};
const note = (usage: SessionUsage, generation: number, at: number, what: WatchNote): SessionUsage =>
  present(withWatchNote(usage, generation, what, clockAt(at)));

const first = (): SessionUsage => present(withWatchTaken(aSessionUsage(), START, clockAt(0)));
/** One response is counted after ten seconds, and the watcher dies. */
const dead = (): SessionUsage => note(first(), 1, 10, response('r1'));
/** The next watcher comes after 100 seconds. */
const replaced = (usage = dead()): SessionUsage => present(withWatchTaken(usage, START, clockAt(100)));
const extra = (usage: SessionUsage): number =>
  entryOf(usage).costMicroCents - costAtPriceOf(usage, usage.counted);
/** The assistant speaks all the time: 20 tokens a second. */
const speech = (seconds: number): number =>
  costAtPriceOf(aSessionUsage(), { ...NO_TOKENS, audioOut: seconds * 20 });
const INPUT = costAtPriceOf(aSessionUsage(), { ...TOKENS, audioOut: 0 });

describe('the estimate for the time without a watcher', () => {
  it('is speech from the last count to the next watcher, and the average input of one response', () => {
    expect(extra(replaced())).toBe(speech(90) + INPUT);
    expect(extra(replaced(first()))).toBe(speech(100));
    expect(replaced().counted).toEqual(TOKENS);
  });

  it('begins with the last renewal of the watch', () => {
    expect(extra(replaced(note(first(), 1, 20, { type: 'renewed' })))).toBe(speech(80));
  });

  it('is charged once, and never makes a session complete', () => {
    const next = note(replaced(), 2, 101, { type: 'attached' });
    const over = note(next, 2, 120, { type: 'ended' });
    expect(extra(over)).toBe(speech(90) + INPUT);
    expect(entryOf(over)).toMatchObject({ incompleteSessions: 1 });
    expect(needsSweeper({ ...over, silent: true })).toBe(false);
  });

  it('does not contain a response twice that the next watcher sees end, or that a slow watcher writes late', () => {
    const exact = costAtPriceOf(dead(), TOKENS);
    const estimate = speech(90) + INPUT;
    expect(extra(note(replaced(), 2, 101, response('r2', true)))).toBe(estimate - exact);
    expect(extra(note(replaced(), 1, 101, response('r2')))).toBe(estimate - exact);
    // A response that began under the next watcher was not in it.
    expect(extra(note(replaced(), 2, 101, response('r2')))).toBe(estimate);
    // Nor was one that was counted before.
    expect(extra(note(replaced(), 1, 101, response('r1')))).toBe(estimate);
  });

  it('is never below zero', () => {
    const short = present(withWatchTaken(note(first(), 1, 0, { type: 'left' }), START, clockAt(1)));
    expect(extra(short)).toBe(speech(1));
    expect(extra(note(short, 2, 2, response('r2', true)))).toBe(0);
  });

  it('is nothing after a handover, and where a budget reserves each response', () => {
    expect(extra(present(withWatchTaken(dead(), { ...START, after: 1 }, clockAt(20))))).toBe(0);
    const reserving = present(withWatchTaken(aSessionUsage(), { ...START, turnByTurn: true }, clockAt(0)));
    const next = present(withWatchTaken(reserving, { ...START, turnByTurn: true }, clockAt(100)));
    expect(extra(next)).toBe(0);
    expect(extra(note(next, 2, 101, { type: 'gap', missed: { fromMs: 0, toMs: afterMint(90) } }))).toBe(0);
  });

  it('is nothing for a watch that an older version stored', () => {
    const { watch, ...usage } = dead();
    const stored = { ...usage, watch: watch && { ...watch, countedUntilMs: null } };
    expect(extra(replaced(stored))).toBe(0);
  });

  it('covers the time to the end of a call that no watcher saw end', () => {
    const closed = { ...withCallClosed(dead(), clockAt(40)), silent: true };
    expect(needsSweeper(closed)).toBe(true);
    // Nobody saw its last responses, so it is never complete.
    expect(isWatchedWhole(closed)).toBe(false);
    // Its watcher may only be slow.
    expect(withEndSettled(closed, clockAt(41))).toBe(closed);
    const settled = withEndSettled(closed, clockAt(100));
    expect(extra(settled)).toBe(speech(30) + INPUT);
    expect(needsSweeper(settled)).toBe(false);
    expect(isWatchedWhole(settled)).toBe(false);
    expect(withEndSettled(settled, clockAt(200))).toBe(settled);
  });

  it('covers a lost connection once, and the time after it only from there', () => {
    const gap: WatchNote = { type: 'gap', missed: { fromMs: afterMint(20), toMs: afterMint(30) } };
    const once = note(first(), 1, 30, gap);
    expect(extra(once)).toBe(speech(10));
    expect(extra(note(once, 1, 31, gap))).toBe(speech(10));
    expect(extra(replaced(once))).toBe(speech(10) + speech(70));
  });

  it('is not added for a gap of a watcher that was replaced, because the next one estimated that time', () => {
    const gap: WatchNote = { type: 'gap', missed: { fromMs: afterMint(15), toMs: afterMint(105) } };
    expect(extra(note(replaced(), 1, 105, gap))).toBe(speech(90) + INPUT);
    // After a handover nobody else estimated it.
    const handedOver = present(withWatchTaken(first(), { ...START, after: 1 }, clockAt(20)));
    expect(
      extra(note(handedOver, 1, 21, { type: 'gap', missed: { fromMs: afterMint(5), toMs: afterMint(15) } })),
    ).toBe(speech(10));
  });

  it('ends with the longest time that the call can last, however late the next watcher comes', () => {
    const { longestSeconds } = aSessionUsage();
    const late = longestSeconds + 3_600;
    const next = present(withWatchTaken(first(), START, clockAt(late)));
    expect(extra(next)).toBe(speech(longestSeconds));
    expect(extra(present(withWatchTaken(next, START, clockAt(late + 100))))).toBe(speech(longestSeconds));
    expect(extra(present(withWatchTaken(aSessionUsage(), START, clockAt(late))))).toBe(
      speech(longestSeconds),
    );
    expect(extra(withEndSettled({ ...first(), silent: true }, clockAt(late)))).toBe(speech(longestSeconds));
  });

  it('replaces the claims of the page where the first watcher comes too late, and only raises them', () => {
    const reported = (audioOut: number): SessionUsage =>
      take(aSessionUsage(), onTime([responseUsage(30, { audioOut })])).usage;
    const late = (usage: SessionUsage): SessionUsage => present(withWatchTaken(usage, START, clockAt(61)));
    expect(entryOf(late(reported(5))).costMicroCents).toBe(speech(61));
    expect(extra(late(reported(600)))).toBe(speech(61) - speech(30));
    const claimed = { ...reported(5), counted: { ...NO_TOKENS, audioOut: 61 * 20 + 1 } };
    expect(extra(late(claimed))).toBe(0);
  });

  it('is nothing for a model without a price', () => {
    expect(extra(replaced({ ...dead(), priceVersion: null }))).toBe(0);
  });
});
