import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { type KeyHealth, newKeyHealth } from '../../../lambdas/domain/keys/key-health.ts';
import type { ReportedError } from '../../../lambdas/domain/sessions/error-row.ts';
import { signEvents } from '../../../lambdas/domain/sessions/event-signature.ts';
import type { SessionSnapshot } from '../../../lambdas/domain/sessions/recorded-session.ts';
import type { SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import type { SlotLease } from '../../../lambdas/domain/sessions/slots.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';
import {
  type EventPorts,
  type EventsReceipt,
  type EventsRequest,
  recordEvents,
  type WidgetEvent,
} from '../../../lambdas/use-cases/sessions/record-events.ts';
import { aSession, aSessionUsage, clockAt, MINTED_MS } from '../../domain/sessions/session-usage-fixture.ts';
import { aSite, aWorkspace } from './token-fixture.ts';

const SECRET = Buffer.alloc(32, 7).toString('base64');
const PAGE = 'https://shop.example';
const SLOTS = [
  { pool: 'key', index: 3 },
  { pool: 'share', index: 0 },
];
const MINTED = aSession({ mode: 'byok' });
const SESSION = {
  ...MINTED,
  admission: { maxDurationSeconds: 600, holdSeconds: 0, connectBy: MINTED_MS / 1_000 + 90, slots: SLOTS },
};

const event = <Type extends WidgetEvent['type']>(type: Type, seconds: number) => ({
  type,
  id: `${type}-${seconds}`,
  atMs: MINTED_MS + seconds * 1_000,
});
const connected = (seconds: number): WidgetEvent => event('connected', seconds);
const heartbeat = (seconds: number): WidgetEvent => event('heartbeat', seconds);
const ended = (seconds: number): WidgetEvent => ({ ...event('ended', seconds), reason: 'hung_up' });
const noQuota = (seconds: number, id = 'error-1'): WidgetEvent => ({
  ...event('error', seconds),
  id,
  source: 'response',
  code: 'insufficient_quota',
});
const answered = (seconds: number): WidgetEvent => ({
  ...event('usage', seconds),
  responseId: `response-${seconds}`,
  tokens: { ...NO_TOKENS, audioOut: 20 },
});

interface Given {
  readonly read?: Partial<SessionSnapshot>;
  readonly own?: Partial<{ [Port in keyof EventPorts]: unknown }>;
  readonly request?: Partial<EventsRequest>;
  /** When it arrives, seconds after the mint. */
  readonly at?: number;
}

/** One request, its outcome, and every step that it took. */
const reported = async (reports: readonly WidgetEvent[], { read, own, request, at = 10 }: Given = {}) => {
  const log: string[] = [];
  const saved: SessionUsage[] = [];
  const told: string[] = [];
  const errors: ReportedError[] = [];
  const kept: SlotLease[] = [];
  const now = clockAt(at);
  const found: SessionSnapshot = {
    session: SESSION,
    usage: undefined,
    workspace: aWorkspace(),
    site: aSite(),
    health: undefined,
    budgets: [],
    ...read,
  };
  const ports = {
    clock: () => now,
    random: (size: number) => Buffer.alloc(size),
    backOff: async () => undefined,
    pseudonyms: {
      signingSecret: async () => SECRET,
      hashIp: async (address: string) => `hash of ${address}`,
    },
    sessions: {
      readSnapshot: async () => {
        log.push('read');
        return found;
      },
    },
    sessionUsage: {
      saveUsage: async (usage: SessionUsage) => {
        log.push('save');
        saved.push(usage);
      },
    },
    health: {
      saveHealth: async (_: unknown, { reports: votes }: KeyHealth) => {
        log.push(`health ${votes.length}`);
      },
      noteDegraded: async (_: unknown, until: Date | undefined) => {
        log.push(`degraded ${until?.toISOString() ?? 'no longer'}`);
      },
    },
    live: {
      removeLive: async () => {
        log.push('no longer live');
      },
    },
    hangUps: {
      send: async ({ kind, by }: { kind: string; by: string }) => {
        log.push(`queue ${kind} by ${by}`);
      },
    },
    slots: {
      release: async (_: unknown, leases: readonly SlotLease[]) => {
        log.push(`release ${leases.length}`);
        kept.push(...leases);
      },
      expect: async (_: unknown, leases: readonly SlotLease[]) => {
        log.push(`expect ${leases.length}`);
        return true;
      },
      renew: async (_: unknown, leases: readonly SlotLease[]) => {
        log.push(`extend ${leases.length}`);
        kept.push(...leases);
        return true;
      },
    },
    ends: { recordEnd: async () => void log.push('end') },
    errors: { report: async (error: ReportedError) => void errors.push(error) },
    notices: {
      readPeriod: async () => ({ usedSeconds: 0, committedSeconds: 0, notices: {} }),
      noteThreshold: async () => undefined,
    },
    plans: BUILT_IN_PLANS,
    ...own,
  } as unknown as EventPorts;
  const rawBody = JSON.stringify(reports);
  const t = Math.floor(now.getTime() / 1_000);
  const result = await recordEvents(ports)({
    siteId: SESSION.siteId,
    sessionId: SESSION.sessionId,
    origin: PAGE,
    sourceIp: '192.0.2.1',
    signature: { t, v1: signEvents(SECRET, t, rawBody) },
    rawBody,
    events: reports,
    onOriginAllowed: (origin) => told.push(origin),
    ...request,
  }).catch((error: unknown) => error);
  return { result, log, saved, told, errors, kept };
};
const receipt = async (...given: Parameters<typeof reported>): Promise<EventsReceipt> => {
  const { result } = await reported(...given);
  if (result instanceof Error) throw result;
  return result as EventsReceipt;
};

describe('an event request', () => {
  it('is judged by its signature before anything is read', async () => {
    const rawBody = JSON.stringify([heartbeat(5)]);
    const t = Math.floor(clockAt(10).getTime() / 1_000);
    const forged = { t, v1: signEvents(Buffer.alloc(32).toString('base64'), t, rawBody) };
    for (const signature of [undefined, forged, { t: t - 301, v1: signEvents(SECRET, t - 301, rawBody) }]) {
      const { result, log } = await reported([heartbeat(5)], { request: { signature } });
      expect(result).toMatchObject({ code: 'invalid_signature' });
      expect(log).toEqual([]);
    }
  });

  it('returns session_not_found for text that is not a session ID, and derives no secret', async () => {
    const deriver = { signingSecret: () => Promise.reject(new Error('asked')) };
    const { result, log } = await reported([heartbeat(5)], {
      own: { pseudonyms: deriver },
      request: { sessionId: 'x' },
    });
    expect(result).toMatchObject({ code: 'session_not_found' });
    expect(log).toEqual([]);
  });

  it('returns session_not_found for a session that was never issued', async () => {
    const sessions = { readSnapshot: async () => undefined };
    const { result, told } = await reported([heartbeat(5)], { own: { sessions } });
    expect(result).toMatchObject({ code: 'session_not_found' });
    expect(told).toEqual([]);
  });

  it.each([undefined, 'https://elsewhere.example'])('from another page (%s) is refused', async (origin) => {
    const { result, log, told } = await reported([heartbeat(5)], { request: { origin } });
    expect(result).toMatchObject({ code: 'origin_not_allowed' });
    expect({ log, told }).toEqual({ log: ['read'], told: [] });
  });

  it('from the page of the session is accepted, and the page may read the answer', async () => {
    expect((await reported([heartbeat(5)])).told).toEqual([PAGE]);
  });

  it('beyond the limit per minute is told to wait for the next minute', async () => {
    const meter = {
      ...aSessionUsage(),
      pace: { minute: Math.floor(clockAt(10).getTime() / 60_000), requests: 120 },
    };
    const { result, log } = await reported([heartbeat(5)], { read: { usage: meter } });
    expect(result).toMatchObject({ code: 'rate_limited', retryAfterSeconds: 50 });
    expect(log).toEqual(['read']);
  });
});

describe('an accepted event request', () => {
  it('returns the number of new, repeated and impossible events', async () => {
    const usage = aSessionUsage({ mode: 'byok' });
    const result = await receipt([connected(1), heartbeat(5), heartbeat(5), heartbeat(-400)], {
      read: { usage },
    });
    expect(result).toEqual({ accepted: 2, duplicates: 1, flagged: 1, hangUp: undefined });
  });

  it('renews the slots for 75 seconds, and at least until the client secret expires', async () => {
    const ends = async (at: number) =>
      (await reported([heartbeat(at)], { at })).kept.map(({ expiresAt }) => expiresAt - MINTED_MS / 1_000);
    expect(await ends(10)).toEqual([90, 90]);
    expect(await ends(100)).toEqual([175, 175]);
    // What is told to hang up keeps its slot no longer.
    expect(await ends(3_600)).toEqual([]);
  });

  it('renews the slots of the longest session until OpenAI ends it, an hour after the last possible connection', async () => {
    const admission = { ...SESSION.admission, maxDurationSeconds: 3_600 };
    const read = { session: { ...SESSION, admission } as typeof SESSION };
    const { kept } = await reported([heartbeat(3_680)], { at: 3_680, read });
    expect(kept.map(({ expiresAt }) => expiresAt - MINTED_MS / 1_000)).toEqual([3_690, 3_690]);
  });

  it('renews or releases exactly the slots of the admission', async () => {
    const own = SLOTS.map((slot) => ({ ...slot, sessionId: SESSION.sessionId }));
    expect((await reported([heartbeat(5)])).kept).toMatchObject(own);
    expect((await reported([ended(8)])).kept).toEqual(own);
  });

  it('returns slot_lost if the slot was lost', async () => {
    const slots = { renew: async () => false };
    expect((await receipt([heartbeat(5)], { own: { slots } })).hangUp).toBe('slot_lost');
  });

  it('renews no slot of a session without slots, which continues', async () => {
    const session = { ...MINTED };
    const { result, kept } = await reported([heartbeat(5)], { read: { session } });
    expect(result).toMatchObject({ hangUp: undefined });
    expect(kept).toEqual([]);
  });

  it('that ends a session releases its slots, each time that it arrives', async () => {
    const { result, log, saved } = await reported([connected(1), ended(8)]);
    expect(result).toMatchObject({ accepted: 2, hangUp: 'ended' });
    expect(log).toEqual(['read', 'save', 'end', 'release 2', 'no longer live']);
    const [usage] = saved;
    if (usage === undefined) throw new Error('Nothing was saved.');
    const again = await reported([ended(8)], { read: { usage } });
    expect(again.result).toMatchObject({ duplicates: 1, hangUp: 'ended' });
    expect(again.log).toEqual(['read', 'save', 'end', 'release 2', 'no longer live']);
  });

  it.each([
    ['an archived site', { site: undefined }],
    ['a deleted workspace', { workspace: aWorkspace({ deletedAt: '2026-11-23T12:00:05.000Z' }) }],
    ['a workspace that is gone', { workspace: undefined }],
  ])('of %s is told to hang up', async (_, read) => {
    expect((await receipt([heartbeat(5)], { read })).hangUp).toBe('site_gone');
  });

  it.each([
    [629, undefined],
    [630, 'max_duration'],
  ])('after %i seconds of events returns %s', async (seconds, hangUp) => {
    expect((await receipt([connected(0), heartbeat(seconds)], { at: seconds })).hangUp).toBe(hangUp);
  });

  it.each([
    [720, undefined],
    [720.001, 'max_duration'],
  ])(
    'with a browser clock that stands still, after %p seconds of our clock, returns %s',
    async (at, hangUp) => {
      expect((await receipt([connected(500), heartbeat(501)], { at })).hangUp).toBe(hangUp);
    },
  );

  it('uses the setting of the site for an older session without a maximum', async () => {
    const read = {
      session: { ...MINTED, admission: undefined } as never,
      site: aSite({ maxDurationSeconds: 60 }),
    };
    expect((await receipt([connected(0), heartbeat(90)], { read, at: 90 })).hangUp).toBe('max_duration');
  });

  it('counts towards the rate of its session, even without new information', async () => {
    const minute = Math.floor(clockAt(10).getTime() / 60_000);
    const { saved } = await reported([heartbeat(5)], {
      read: { usage: { ...aSessionUsage(), pace: { minute, requests: 3 } } },
    });
    expect(saved[0]?.pace).toEqual({ minute, requests: 4 });
  });
});

describe('the second of two simultaneous event requests', () => {
  const losing = (races: number, log: string[]) => ({
    saveUsage: async () => {
      log.push('save');
      if (log.length <= races) throw new ConflictError();
    },
  });

  it('reads again after its conflict, and counts once', async () => {
    const log: string[] = [];
    const {
      result,
      errors,
      log: steps,
    } = await reported([noQuota(5)], { own: { sessionUsage: losing(2, log) } });
    expect(result).toMatchObject({ accepted: 1 });
    expect(log).toHaveLength(3);
    expect(steps.filter((step) => step === 'read')).toHaveLength(3);
    expect(errors).toHaveLength(1);
  });

  it('uses the state that the first one has written', async () => {
    const log: string[] = [];
    const saved: SessionUsage[] = [];
    let reads = 0;
    const sessions = {
      readSnapshot: async () => ({
        session: SESSION,
        usage: { ...aSessionUsage({ mode: 'byok' }), revision: ++reads },
        workspace: aWorkspace(),
        site: aSite(),
        health: undefined,
        budgets: [],
      }),
    };
    const meters = {
      saveUsage: async (usage: SessionUsage) => {
        saved.push(usage);
        await losing(1, log).saveUsage();
      },
    };
    await reported([heartbeat(5)], { own: { sessions, sessionUsage: meters } });
    expect(saved.map(({ revision }) => revision)).toEqual([1, 2]);
  });

  it('fails as unavailable after eight conflicts', async () => {
    const log: string[] = [];
    const { result } = await reported([heartbeat(5)], { own: { sessionUsage: losing(99, log) } });
    expect(result).toMatchObject({ code: 'unavailable' });
    expect(log).toHaveLength(8);
  });

  it('fails at once after any other error', async () => {
    const meters = { saveUsage: () => Promise.reject(new Error('down')) };
    expect((await reported([heartbeat(5)], { own: { sessionUsage: meters } })).result).toMatchObject({
      message: 'down',
    });
  });
});

describe('a failure that visitors report', () => {
  const meter = { ...aSessionUsage({ mode: 'byok' }), connectedAtMs: MINTED_MS, responses: 1 };
  const votes = (count: number): KeyHealth => ({
    ...newKeyHealth(1),
    reports: Array.from({ length: count }, (_, i) => ({
      ipHash: `visitor ${i}`,
      failure: 'quota_exhausted' as const,
      atMs: MINTED_MS,
    })),
  });

  it('is reported to the operator in our words before it counts as accepted', async () => {
    const down = { report: () => Promise.reject(new Error('down')) };
    const { result, log } = await reported([noQuota(5)], { own: { errors: down } });
    expect(result).toMatchObject({ message: 'down' });
    expect(log).toEqual(['read']);
    expect((await reported([noQuota(5)])).errors).toMatchObject([
      {
        code: 'openai_quota_exhausted',
        source: 'response',
        openAiFailure: 'quota_exhausted',
        sessionId: SESSION.sessionId,
        siteId: SESSION.siteId,
        at: clockAt(10).toISOString(),
      },
    ]);
  });

  it("at the visitor's microphone is recorded, and does not count against the key", async () => {
    const denied: WidgetEvent = { ...event('error', 5), source: 'media', code: 'NotAllowedError' };
    const { log, errors } = await reported([denied]);
    expect(log).toEqual(['read', 'save', 'extend 2']);
    expect(errors).toMatchObject([{ code: 'microphone_denied', openAiFailure: 'microphone_denied' }]);
  });

  it('counts as one vote, and the third vote degrades the key and informs its owner', async () => {
    expect((await reported([noQuota(5)], { read: { usage: meter } })).log).toEqual([
      'read',
      'health 1',
      'save',
      'extend 2',
    ]);
    const third = await reported([noQuota(5)], { read: { usage: meter, health: votes(2) } });
    expect(third.log).toEqual([
      'read',
      'health 3',
      `degraded ${clockAt(610).toISOString()}`,
      'save',
      'extend 2',
    ]);
  });

  it.each([
    ['never connected', { connectedAtMs: null }],
    ['received no response', { responses: 0 }],
  ])('from a page that %s does not count as a vote on the key', async (_, missing) => {
    const { log, errors } = await reported([noQuota(5)], { read: { usage: { ...meter, ...missing } } });
    expect(log).toEqual(['read', 'save', 'extend 2']);
    expect(errors).toHaveLength(1);
  });

  it('on the platform key is shown to no customer', async () => {
    const session = { ...SESSION, keyScope: 'platform' as const };
    const { log } = await reported([noQuota(5)], { read: { usage: meter, health: votes(2), session } });
    expect(log).toEqual(['read', 'health 3', 'save', 'extend 2']);
  });

  it('is disproved by a complete response, but not by one next to a failure', async () => {
    const read = { meter, health: votes(3) };
    expect((await reported([answered(5)], { read })).log).toContain('degraded no longer');
    expect((await reported([answered(5), noQuota(6)], { read })).log).not.toContain('degraded no longer');
    expect((await reported([answered(5)])).log).toEqual(['read', 'save', 'extend 2']);
    expect((await reported([heartbeat(5)], { read })).log).toEqual(['read', 'save', 'extend 2']);
  });

  it('may be lost in a conflict with another visitor, but not in an outage', async () => {
    const health = (error: Error) => ({
      saveHealth: () => Promise.reject(error),
      noteDegraded: async () => undefined,
    });
    expect(
      (await reported([noQuota(5)], { read: { usage: meter }, own: { health: health(new ConflictError()) } }))
        .result,
    ).toMatchObject({
      accepted: 1,
    });
    expect(
      (await reported([noQuota(5)], { read: { usage: meter }, own: { health: health(new Error('down')) } }))
        .result,
    ).toMatchObject({
      message: 'down',
    });
  });

  it('is reported once if it arrives twice in one request', async () => {
    const { errors, result } = await reported([noQuota(5), noQuota(5)]);
    expect(result).toMatchObject({ accepted: 1, duplicates: 1 });
    expect(errors).toHaveLength(1);
    expect(result).not.toBeInstanceOf(BrokerError);
  });
});

describe('an event of a session on a hard-capped plan', () => {
  const session = { ...SESSION, mode: 'managed' as const };
  const usage = aSessionUsage({ mode: 'managed', holdSeconds: 120 });
  const saving = async (seconds: number, committedSeconds: number) => {
    const writes: unknown[] = [];
    await reported([connected(0), heartbeat(seconds)], {
      read: { session, usage, workspace: aWorkspace({ billingMode: 'managed' }) },
      own: {
        sessionUsage: {
          saveUsage: async ({ holdSeconds }: SessionUsage, _: unknown, capSeconds?: number) => {
            writes.push({ holdSeconds, capSeconds });
          },
        },
        notices: {
          readPeriod: async () => ({ usedSeconds: 0, committedSeconds, notices: {} }),
          noteThreshold: async () => undefined,
        },
      },
      at: seconds,
    });
    return writes;
  };

  it('is saved together with a grown hold, on condition of the cap', async () => {
    expect(await saving(80, 120)).toEqual([{ holdSeconds: 200, capSeconds: 6_000 }]);
  });

  it('is saved without a condition if the hold does not grow', async () => {
    expect(await saving(40, 120)).toEqual([{ holdSeconds: 120, capSeconds: undefined }]);
    expect(await saving(80, 6_000)).toEqual([{ holdSeconds: 120, capSeconds: undefined }]);
  });
});
