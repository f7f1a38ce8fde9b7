import { describe, expect, it } from '@jest/globals';
import type { Budget } from '../../../lambdas/domain/budgets/budget.ts';
import type { CallId, EndedBy } from '../../../lambdas/domain/calls/call.ts';
import { DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { signEvents } from '../../../lambdas/domain/sessions/event-signature.ts';
import type { SessionSnapshot } from '../../../lambdas/domain/sessions/recorded-session.ts';
import {
  newSessionUsage,
  type SessionUsage,
  SILENCE_SECONDS,
} from '../../../lambdas/domain/sessions/session-usage.ts';
import { WATCH_LEASE_MS, withWatchTaken } from '../../../lambdas/domain/sessions/watched-usage.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import {
  type EventPorts,
  recordEvents,
  type WidgetEvent,
} from '../../../lambdas/use-cases/sessions/record-events.ts';
import {
  aSession,
  aSessionUsage,
  clockAt,
  connected,
  ended,
  heartbeat,
  MINTED_MS,
  responseUsage,
} from '../../domain/sessions/session-usage-fixture.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aBudget } from '../budgets/budget-fixture.ts';
import { messageText } from '../calls/call-fixture.ts';
import { aSite, aWorkspace } from './token-fixture.ts';

const SECRET = Buffer.alloc(32, 7).toString('base64');
const DOWN = new DependencyUnavailableError('sqs', 'SendMessage', 'InternalServerError');
const MINTED_SECONDS = MINTED_MS / 1_000;
const CALL: SessionSnapshot['session'] = {
  ...aSession({ mode: 'byok' }),
  openedWith: 'call',
  admission: {
    maxDurationSeconds: 600,
    holdSeconds: 0,
    connectBy: MINTED_SECONDS + 90,
    slots: [{ pool: 'key', index: 3 }],
  },
};

interface Given {
  readonly read?: Partial<SessionSnapshot>;
  readonly session?: Partial<SessionSnapshot['session']>;
  /** When it arrives, seconds after the mint. */
  readonly at?: number;
  /** The budgets as they are read again after the cost is in them. */
  readonly after?: readonly Budget[];
  readonly holdsSlot?: boolean;
  /** Errors by the step that they fail. */
  readonly failing?: Readonly<Record<string, Error>>;
}

/** One request of a call’s page; its receipt or error, and every step in order. */
const reported = async (
  reports: readonly WidgetEvent[],
  { read = {}, session = {}, at = 10, after = [], holdsSlot = true, failing = {} }: Given = {},
) => {
  const log: string[] = [];
  const expected: unknown[] = [];
  const saved: SessionUsage[] = [];
  const step = async (name: string): Promise<void> => {
    log.push(name);
    const failure = failing[name];
    if (failure !== undefined) throw failure;
  };
  const now = clockAt(at);
  const ports = strictPorts<EventPorts>({
    clock: () => now,
    random: (size) => Buffer.alloc(size),
    backOff: async () => undefined,
    pseudonyms: { signingSecret: async () => SECRET, hashIp: async (address) => `hash of ${address}` },
    sessions: {
      readSnapshot: async () => ({
        session: { ...CALL, ...session },
        usage: undefined,
        workspace: aWorkspace(),
        site: aSite(),
        health: undefined,
        budgets: [],
        ...read,
      }),
    },
    sessionUsage: {
      saveUsage: async (usage, budgets = []) => {
        saved.push(usage);
        await step(`save with ${budgets.length} budgets`);
      },
      saveUnreported: () => Promise.reject(new Error('a report came')),
      listDue: () => Promise.reject(new Error('asked for what is due')),
    },
    health: { saveHealth: async () => undefined, noteDegraded: async () => undefined },
    live: { removeLive: async () => step('remove from live') },
    hangUps: { send: async (...message) => step(`queue ${messageText(...message)}`) },
    slots: {
      release: async () => step('release'),
      renew: async () => {
        await step('renew');
        return true;
      },
      expect: async (_, leases) => {
        await step('expect');
        expected.push(...leases);
        return holdsSlot;
      },
    },
    budgets: {
      readBudgets: async () => {
        await step('read budgets');
        return after;
      },
      noteThreshold: async (_, percent) => step(`notice ${percent}`),
      noteCallsEnded: async () => step('note calls ended'),
    },
    ends: { recordEnd: async () => step('record end') },
    errors: { report: async () => step('report error') },
    notices: {
      readPeriod: () => Promise.reject(new Error('asked for a period')),
      noteThreshold: () => Promise.reject(new Error('noted a threshold')),
    },
    plans: BUILT_IN_PLANS,
  });
  const rawBody = JSON.stringify(reports);
  const t = Math.floor(now.getTime() / 1_000);
  const result = await recordEvents(ports)({
    siteId: CALL.siteId,
    sessionId: CALL.sessionId,
    origin: CALL.origin,
    sourceIp: '192.0.2.1',
    signature: { t, v1: signEvents(SECRET, t, rawBody) },
    rawBody,
    events: reports,
    onOriginAllowed: () => undefined,
  }).catch((error: unknown) => error);
  return { result, log, expected, saved };
};

const page = (...reports: readonly unknown[]) => reports as readonly WidgetEvent[];
/** A report of a response, which costs something. */
const CHARGED = page(connected(1), responseUsage(5, { audioOut: 20 }));

describe('an event of a live call', () => {
  it('does not extend the slot, but updates when the next visitor can expect it free', async () => {
    const { result, log, expected } = await reported(page(connected(1), heartbeat(10)));
    expect(result).toMatchObject({ accepted: 2, hangUp: undefined });
    expect(log).toEqual(['expect', 'save with 0 budgets']);
    expect(expected).toEqual([
      { pool: 'key', index: 3, sessionId: CALL.sessionId, expectedUntil: MINTED_SECONDS + 85 },
    ]);
  });

  it('never expects the slot beyond the admitted duration', async () => {
    const { expected } = await reported(page(connected(1), heartbeat(590)), { at: 590 });
    expect(expected).toMatchObject([{ expectedUntil: MINTED_SECONDS + 600 }]);
  });

  it('whose slot is lost returns slot_lost, and leaves the end to the cap of the call', async () => {
    const { result, log } = await reported(page(heartbeat(10)), { holdsSlot: false });
    expect(result).toMatchObject({ hangUp: 'slot_lost' });
    expect(log).toEqual(['expect', 'save with 0 budgets']);
  });
});

describe('a heartbeat of a watched call', () => {
  const watchedCall = withWatchTaken(
    newSessionUsage(CALL),
    { callId: 'rtc_1' as CallId, openedAtMs: MINTED_MS },
    clockAt(1),
  );
  const CAP = MINTED_SECONDS + 600;

  it('expects its slot until the cap, once, and then writes only the sign of life', async () => {
    const first = await reported(page(heartbeat(20)), { read: { usage: watchedCall }, at: 20 });
    expect(first.log).toEqual(['expect', 'save with 0 budgets']);
    expect(first.expected).toMatchObject([{ expectedUntil: CAP }]);
    const second = await reported(page(heartbeat(40)), { read: { usage: first.saved[0] }, at: 40 });
    expect(second.log).toEqual(['save with 0 budgets']);
    expect(second.result).toMatchObject({ accepted: 1, hangUp: undefined });
    expect(second.saved[0]?.receivedAtMs).toBe(MINTED_MS + 40_000);
  });

  it('saves no expectation that its slot does not have, if the request dies in between', async () => {
    const failing = { expect: DOWN };
    const died = await reported(page(heartbeat(20)), { read: { usage: watchedCall }, at: 20, failing });
    expect(died.result).toBe(DOWN);
    expect(died.saved).toEqual([]);
    // The next heartbeat writes the slot, although its time is the same.
    const next = await reported(page(heartbeat(40)), { read: { usage: watchedCall }, at: 40 });
    expect(next.expected).toMatchObject([{ expectedUntil: CAP }]);
  });

  it('expects its slot until silence again after the watcher has stopped', async () => {
    const usage = { ...(watchedCall ?? newSessionUsage(CALL)), expectedUntil: CAP };
    const at = 1 + WATCH_LEASE_MS / 1_000;
    const lapsed = await reported(page(heartbeat(at)), { read: { usage }, at });
    expect(lapsed.expected).toMatchObject([{ expectedUntil: MINTED_SECONDS + at + SILENCE_SECONDS }]);
    const restored = withWatchTaken(
      lapsed.saved[0] ?? usage,
      { callId: 'rtc_1' as CallId, openedAtMs: MINTED_MS },
      clockAt(at + 1),
    );
    const { expected } = await reported(page(heartbeat(at + 20)), { read: { usage: restored }, at: at + 20 });
    expect(expected).toMatchObject([{ expectedUntil: CAP }]);
  });

  it('writes the expectation each time if the call was never watched', async () => {
    const first = await reported(page(heartbeat(20)), { at: 20 });
    const second = await reported(page(heartbeat(40)), { read: { usage: first.saved[0] }, at: 40 });
    expect(second.log).toEqual(['expect', 'save with 0 budgets']);
  });
});

describe('a call whose page reports its end', () => {
  const REPORTS = page(connected(1), ended(8));

  it('has its hang-up queued before the event is saved, and releases nothing, because OpenAI has not ended it', async () => {
    const { result, log } = await reported(REPORTS);
    expect(result).toMatchObject({ hangUp: 'ended' });
    expect(log).toEqual(['queue end by visitor in 0 s', 'save with 0 budgets', 'record end']);
  });

  it('is not saved as ended if the queue refuses the hang-up', async () => {
    const { result, log } = await reported(REPORTS, { failing: { 'queue end by visitor in 0 s': DOWN } });
    expect(result).toBe(DOWN);
    expect(log).toEqual(['queue end by visitor in 0 s']);
  });

  it('is not hung up again after the broker has ended it', async () => {
    const { result, log } = await reported(REPORTS, { session: { endedBy: 'operator' } });
    expect(result).toMatchObject({ hangUp: 'ended', endedBy: 'operator' });
    expect(log).toEqual(['save with 0 budgets', 'record end']);
  });
});

describe('a call that the broker must end', () => {
  it.each<[string, string, Given]>([
    ['site_gone', 'site_archived', { read: { site: undefined } }],
    ['max_duration', 'max_duration', { at: 630 }],
  ])('with %s is queued for its hang-up, and its page is told to hang up', async (hangUp, by, given) => {
    const { at = 10 } = given;
    const { result, log } = await reported(page(connected(0), heartbeat(at)), given);
    expect(result).toMatchObject({ hangUp });
    expect(log).toEqual(['save with 0 budgets', `queue end by ${by} in 0 s`]);
  });

  it.each<[EndedBy]>([['key_suspended'], ['budget']])(
    'and whose end %s requested tells its page the reason, and queues nothing again',
    async (by) => {
      const { result, log } = await reported(page(heartbeat(10)), { session: { endRequested: by } });
      expect(result).toMatchObject({ hangUp: 'ended', endedBy: by });
      expect(log).toEqual(['save with 0 budgets']);
    },
  );

  it('has the reason of the actual end, not of the first request', async () => {
    const session = { endRequested: 'budget', endedBy: 'max_duration' } as const;
    expect((await reported(page(heartbeat(10)), { session })).result).toMatchObject({
      endedBy: 'max_duration',
    });
  });
});

describe('a call under budgets', () => {
  const stored = aBudget({ spentMicroCents: 99, remainingMicroCents: 1 });
  const spent = aBudget({
    spentMicroCents: 100,
    remainingMicroCents: 0,
    notices: { 50: 'then', 80: 'then' },
  });

  it('adds its cost to them, and then settles them', async () => {
    const { log } = await reported(CHARGED, { read: { budgets: [stored] }, after: [spent] });
    expect(log).toEqual([
      'expect',
      'save with 1 budgets',
      'read budgets',
      'queue scope by budget in 0 s',
      'queue scope by budget in 30 s',
      'note calls ended',
      'notice 100',
    ]);
  });

  it('without a new cost settles the rest of an interrupted run, without another read', async () => {
    const { log } = await reported(page(heartbeat(10)), { read: { budgets: [spent] } });
    expect(log).not.toContain('read budgets');
    expect(log).toContain('queue scope by budget in 0 s');
  });

  it('counts against the budget of the current period', async () => {
    const { log } = await reported(page(heartbeat(10)), {
      read: { budgets: [{ ...spent, periodName: '2026-10' }] },
    });
    expect(log).toEqual(['expect', 'save with 1 budgets']);
  });

  it.each<[string, Partial<SessionSnapshot>, Given['session']]>([
    ['the platform pays', { budgets: [spent] }, { mode: 'managed', keyScope: 'platform' }],
    ['its workspace is gone', { budgets: [spent], workspace: undefined }, {}],
  ])('counts against no budget if %s', async (_, read, session = {}) => {
    const { log } = await reported(page(heartbeat(10)), {
      read: { ...read, ...(session.mode === 'managed' && { workspace: aWorkspace({ plan: 'unknown' }) }) },
      session,
    });
    expect(log).toContain('save with 0 budgets');
    expect(log).not.toContain('queue scope by budget in 0 s');
  });

  it('is not saved twice if a notice cannot be written, and the page repeats the event', async () => {
    const { result, log } = await reported(CHARGED, {
      read: { budgets: [stored] },
      after: [spent],
      failing: { 'notice 100': DOWN },
    });
    expect(result).toBe(DOWN);
    expect(log.filter((step) => step.startsWith('save'))).toHaveLength(1);
  });
});

describe('an ended session usage', () => {
  it('has its end recorded again with each repeated event', async () => {
    const usage = { ...aSessionUsage({ mode: 'byok' }), silent: true };
    const { log } = await reported(page(heartbeat(5)), { read: { usage } });
    expect(log).toContain('record end');
  });
});
