import { describe, expect, it } from '@jest/globals';
import type { CallId, WatchMode } from '../../../lambdas/domain/calls/call.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import type { SessionId } from '../../../lambdas/domain/identifiers.ts';
import { needsSweeper, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { withCallClosed, withWatchTaken } from '../../../lambdas/domain/sessions/watched-usage.ts';
import type { RecordedCall, WatchRequest } from '../../../lambdas/use-cases/ports/calls.ts';
import {
  closeSilentSessions,
  type SweepPorts,
} from '../../../lambdas/use-cases/sessions/close-silent-sessions.ts';
import {
  afterMint,
  aSession,
  aSessionUsage,
  clockAt,
  connected,
  onTime,
  take,
} from '../../domain/sessions/session-usage-fixture.ts';

/** When the sweep runs: sessions of which nothing was heard since their mint have been silent for long. */
const NOW = clockAt(200);

/** A meter by its place on the list: it is due this many seconds after the mint. */
const due = (seconds: number, usage = aSessionUsage()): SessionUsage => ({
  ...usage,
  sessionId: `session-${seconds}` as SessionId,
  dueAtMs: afterMint(seconds),
});

/** One that was heard of 40 s before the sweep. */
const alive = (seconds: number): SessionUsage =>
  due(seconds, take(aSessionUsage(), onTime([connected(160)])).usage);

interface Listed {
  readonly usage: SessionUsage;
  readonly readable: boolean;
}

/** The list of due meters as a table keeps it: saved ones move on it, or leave it once they have ended. */
const sweepOver = (
  usages: readonly SessionUsage[],
  {
    unreadable = [],
    save = async () => undefined,
    recordEnd = async () => undefined,
    readCall = async () => undefined,
    watch = 'off',
  }: {
    readonly unreadable?: readonly SessionUsage[];
    readonly save?: (usage: SessionUsage) => Promise<void>;
    readonly recordEnd?: (usage: SessionUsage) => Promise<void>;
    readonly readCall?: (sessionId: SessionId) => Promise<RecordedCall | undefined>;
    readonly watch?: WatchMode;
  } = {},
) => {
  const list = new Map<SessionId, Listed>();
  for (const usage of usages) list.set(usage.sessionId, { usage, readable: true });
  for (const usage of unreadable) list.set(usage.sessionId, { usage, readable: false });
  const asked: number[] = [];
  const ended: SessionUsage[] = [];
  const started: WatchRequest[] = [];
  const unreported: SessionId[] = [];
  const saved = async (usage: SessionUsage): Promise<void> => {
    await save(usage);
    if (!needsSweeper(usage)) list.delete(usage.sessionId);
    else list.set(usage.sessionId, { usage, readable: true });
  };
  const ports: SweepPorts = {
    clock: () => NOW,
    records: { readCall: (_, sessionId) => readCall(sessionId) },
    sessionUsage: {
      listDue: async (now, limit, after) => {
        asked.push(limit);
        const page = [...list.values()]
          .filter(({ usage: { dueAtMs } }) => dueAtMs <= now.getTime())
          .filter(({ usage: { dueAtMs } }) => after === undefined || dueAtMs > after.getTime())
          .toSorted((a, b) => a.usage.dueAtMs - b.usage.dueAtMs)
          .slice(0, limit);
        const last = page[limit - 1];
        return {
          usages: page.flatMap(({ usage, readable }) => (readable ? [usage] : [])),
          unreadable: page.filter(({ readable }) => !readable).length,
          last: last && new Date(last.usage.dueAtMs),
        };
      },
      saveUsage: saved,
      saveUnreported: async (usage) => {
        await saved(usage);
        unreported.push(usage.sessionId);
      },
    },
    ends: {
      recordEnd: async (usage) => {
        await recordEnd(usage);
        ended.push(usage);
      },
    },
    live: { removeLive: async () => undefined },
    hangUps: { send: async () => undefined },
    watchers: {
      start: async (request) => {
        started.push(request);
      },
    },
  };
  return {
    sweep: closeSilentSessions(ports, { watch }),
    ended,
    asked,
    started,
    unreported,
    left: () => [...list.values()].map(({ usage }) => usage),
  };
};

const numbered = (from: number, count: number, make = due): SessionUsage[] =>
  Array.from({ length: count }, (_, i) => make(from + i));

describe('the sweep of silent sessions', () => {
  it('does nothing if nothing is due', async () => {
    const { sweep, asked } = sweepOver([due(201)]);
    expect(await sweep()).toEqual({ closed: 0, ending: 0, alive: 0, failed: 0, more: false });
    expect(asked).toEqual([25]);
  });

  it('ends each silent session once, and records the end as silent', async () => {
    const { sweep, ended, left } = sweepOver(numbered(100, 60));
    expect(await sweep()).toEqual({ closed: 60, ending: 0, alive: 0, failed: 0, more: false });
    expect(ended).toHaveLength(60);
    expect(new Set(ended.map(({ sessionId }) => sessionId)).size).toBe(60);
    expect(ended.every(({ silent }) => silent)).toBe(true);
    expect(left()).toEqual([]);
    expect(await sweep()).toEqual({ closed: 0, ending: 0, alive: 0, failed: 0, more: false });
  });

  it('counts a managed token session without any event against its site, and no other session', async () => {
    const managed = aSessionUsage({ mode: 'managed' });
    const heard = take(managed, onTime([connected(2)])).usage;
    const { sweep, unreported } = sweepOver([
      due(100, managed),
      due(101, aSessionUsage({ mode: 'byok' })),
      due(102, { ...heard, pace: { minute: 1, requests: 1 } }),
    ]);
    expect(await sweep()).toMatchObject({ closed: 3, failed: 0 });
    expect(unreported).toEqual(['session-100']);
  });

  it('starts a watcher for each live call whose watcher is gone, and for no other', async () => {
    const watched = (seconds: number, untilMs: number): SessionUsage => {
      const start = { callId: `rtc_${seconds}` as CallId, openedAtMs: afterMint(1) };
      const usage = withWatchTaken(alive(seconds), start, clockAt(1));
      if (usage?.watch == null) throw new Error('The watch was not taken.');
      return { ...usage, watch: { ...usage.watch, untilMs } };
    };
    const closed = watched(104, afterMint(150));
    const { sweep, started } = sweepOver([
      alive(101),
      watched(102, afterMint(199)),
      watched(103, afterMint(230)),
      withCallClosed(closed, clockAt(150)),
    ]);
    expect(await sweep()).toMatchObject({ closed: 0, alive: 4, failed: 0 });
    expect(started).toEqual([
      {
        siteId: closed.siteId,
        sessionId: 'session-102',
        callId: 'rtc_102',
        openedAtMs: afterMint(1),
        strict: false,
      },
    ]);
  });

  it.each([
    ['starts a watcher to settle', 199, 1],
    ['waits for the watcher of', 230, 0],
  ] as const)(
    '%s the reservations of a call that has ended: lease until second %i',
    async (_, until, starts) => {
      const taken = withWatchTaken(
        due(101),
        { callId: 'rtc_1' as CallId, openedAtMs: afterMint(1) },
        clockAt(1),
      );
      if (taken?.watch == null) throw new Error('The watch was not taken.');
      const usage = {
        ...taken,
        openedWith: 'call' as const,
        silent: true,
        reservations: [{ id: 'rsv_1', microCents: 50, budgets: [], lost: false }],
        watch: { ...taken.watch, untilMs: afterMint(until), closedAtMs: afterMint(90) },
      };
      const { sweep, ended, started, left } = sweepOver([usage]);
      expect(await sweep()).toEqual({ closed: 0, ending: 0, alive: 1, failed: 0, more: false });
      expect(started).toHaveLength(starts);
      expect(ended).toEqual([]);
      expect(left()).toMatchObject([{ dueAtMs: afterMint(260) }]);
    },
  );

  describe('for a call that no watcher has taken', () => {
    const unwatched = (): SessionUsage => ({ ...alive(101), openedWith: 'call' });
    const onRecord = (facts: Partial<RecordedCall> = {}): RecordedCall => ({
      session: aSession(),
      state: 'issued',
      callId: 'rtc_1' as CallId,
      openedAt: clockAt(1).toISOString(),
      endRequested: undefined,
      endedBy: undefined,
      ...facts,
    });
    const over = (usage: SessionUsage, call: RecordedCall | undefined, watch: WatchMode = 'eager') => {
      const read: SessionId[] = [];
      const readCall = async (sessionId: SessionId): Promise<RecordedCall | undefined> => {
        read.push(sessionId);
        return call;
      };
      return { read, ...sweepOver([usage], { watch, readCall }) };
    };

    it('starts a watcher, because the first start was lost', async () => {
      const { sweep, started, left } = over(unwatched(), onRecord());
      expect(await sweep()).toEqual({ closed: 0, ending: 0, alive: 1, failed: 0, more: false });
      const { siteId, sessionId } = unwatched();
      expect(started).toEqual([
        { siteId, sessionId, callId: 'rtc_1', openedAtMs: afterMint(1), strict: false },
      ]);
      expect(left()).toMatchObject([{ watch: null, dueAtMs: afterMint(235) }]);
    });

    it.each([
      ['was never handed out', { state: 'reserved', callId: undefined, openedAt: undefined }],
      ['was refused', { state: 'refused' }],
      ['has ended', { endedBy: 'visitor' }],
      ['is being ended', { endRequested: 'operator' }],
    ] as const)('starts no watcher if the call %s', async (_, facts) => {
      const { sweep, started } = over(unwatched(), onRecord(facts));
      expect(await sweep()).toMatchObject({ alive: 1, failed: 0 });
      expect(started).toEqual([]);
    });

    it('starts no watcher if the call is not on record', async () => {
      const { sweep, started } = over(unwatched(), undefined);
      expect(await sweep()).toMatchObject({ alive: 1, failed: 0 });
      expect(started).toEqual([]);
    });

    it.each([
      ['a stage that watches no calls', unwatched(), 'off'],
      ['a session of a client secret', alive(101), 'eager'],
      ['a call that has fallen silent', { ...due(100), openedWith: 'call' }, 'eager'],
    ] as const)('reads nothing and starts no watcher for %s', async (_, usage, watch) => {
      const { sweep, started, read } = over(usage, onRecord(), watch);
      expect(await sweep()).toMatchObject({ failed: 0 });
      expect([started, read]).toEqual([[], []]);
    });

    it('tries again in the next run if the record cannot be read', async () => {
      let isDown = true;
      const { sweep, started } = sweepOver([unwatched()], {
        watch: 'strict',
        readCall: async () => {
          if (isDown) throw new DependencyUnavailableError('dynamodb', 'GetItem', 'InternalServerError');
          return onRecord();
        },
      });
      expect(await sweep()).toMatchObject({ alive: 0, failed: 1 });
      isDown = false;
      expect(await sweep()).toMatchObject({ alive: 1, failed: 0 });
      expect(started).toHaveLength(1);
    });
  });

  it('keeps a live session, and checks it again when it could be silent', async () => {
    const { sweep, ended, left } = sweepOver([due(100), alive(101)]);
    expect(await sweep()).toEqual({ closed: 1, ending: 0, alive: 1, failed: 0, more: false });
    expect(ended.map(({ sessionId }) => sessionId)).toEqual(['session-100']);
    // 160 s, when it was heard of, and 75 s of silence.
    expect(left()).toMatchObject([{ sessionId: 'session-101', silent: false, dueAtMs: afterMint(235) }]);
  });

  it('keeps a session that reports at the same moment, without a failure', async () => {
    const { sweep, ended } = sweepOver([due(100), due(101)], {
      save: async ({ sessionId }) => {
        if (sessionId === 'session-100') throw new ConflictError();
      },
    });
    expect(await sweep()).toEqual({ closed: 1, ending: 0, alive: 0, failed: 0, more: false });
    expect(ended.map(({ sessionId }) => sessionId)).toEqual(['session-101']);
  });

  it.each([
    ['usage cannot be saved', 'save'],
    ['end cannot be recorded', 'recordEnd'],
  ] as const)('counts a session whose %s as failed, and ends the others', async (_, what) => {
    const { sweep, ended } = sweepOver(numbered(100, 3), {
      [what]: async ({ sessionId }: SessionUsage) => {
        if (sessionId === 'session-101') throw new Error('no answer');
      },
    });
    expect(await sweep()).toEqual({ closed: 2, ending: 0, alive: 0, failed: 1, more: false });
    expect(ended.map(({ sessionId }) => sessionId)).toEqual(['session-100', 'session-102']);
  });

  it.each([
    ['end', due, { closed: 30, ending: 0, alive: 0 }],
    ['stay live', alive, { closed: 0, ending: 0, alive: 30 }],
  ] as const)(
    'tries a failed session once more with the next batch, if the others %s',
    async (_, make, done) => {
      let failed = false;
      const { sweep } = sweepOver(numbered(100, 30, make), {
        save: async ({ sessionId }) => {
          if (failed || sessionId !== 'session-100') return;
          failed = true;
          throw new Error('no answer');
        },
      });
      expect(await sweep()).toEqual({ ...done, failed: 0, more: false });
    },
  );

  it('saves nothing for an ended session that is still in the lagging list', async () => {
    const saved: SessionId[] = [];
    const { sweep } = sweepOver([due(100, { ...aSessionUsage(), silent: true })], {
      save: async ({ sessionId }) => {
        saved.push(sessionId);
      },
    });
    expect(await sweep()).toEqual({ closed: 0, ending: 0, alive: 0, failed: 0, more: false });
    expect(saved).toEqual([]);
  });

  it('continues after batches that fail or cannot be read, and counts each of their sessions once', async () => {
    const failing = numbered(10, 30);
    const unreadable = numbered(40, 30);
    const { sweep, ended } = sweepOver([...failing, ...numbered(100, 5)], {
      unreadable,
      save: async ({ dueAtMs }) => {
        if (dueAtMs < afterMint(40)) throw new Error('no answer');
      },
    });
    expect(await sweep()).toEqual({ closed: 5, ending: 0, alive: 0, failed: 60, more: false });
    expect(ended).toHaveLength(5);
  });

  it('handles 5,000 sessions in one run, and reports that there are more', async () => {
    const later = (seconds: number) => due(seconds / 1_000);
    const { sweep, asked } = sweepOver(numbered(1_000, 5_001, later));
    expect(await sweep()).toEqual({ closed: 5_000, ending: 0, alive: 0, failed: 0, more: true });
    expect(asked).toHaveLength(200);
    expect(await sweep()).toEqual({ closed: 1, ending: 0, alive: 0, failed: 0, more: false });
  });
});
