import { describe, expect, it } from '@jest/globals';
import { BrokerError, type BrokerErrorCode } from '../../../lambdas/domain/broker-error.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import { newKeyHealth } from '../../../lambdas/domain/keys/key-health.ts';
import { SealedKeyUnreadableError } from '../../../lambdas/domain/keys/sealed-key.ts';
import { OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import type { ReportedError } from '../../../lambdas/domain/sessions/error-row.ts';
import type { ReservedSession } from '../../../lambdas/domain/sessions/session.ts';
import type { TokenContext } from '../../../lambdas/domain/sessions/token-context.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import type { VoiceSettings } from '../../../lambdas/domain/tenancy/workspace.ts';
import {
  type MintPorts,
  type MintRequest,
  mintToken,
} from '../../../lambdas/use-cases/sessions/mint-token.ts';
import {
  aContext,
  aKey,
  aRequest,
  aSite,
  aWorkspace,
  leasesOf,
  lost,
  NOW,
  NOW_SECONDS,
  PAGE,
  poolOf,
  recordingPorts,
  SETTINGS,
  SITE_ID,
} from './token-fixture.ts';

const MANAGED = { workspace: aWorkspace({ billingMode: 'managed' }) };
const down = new DependencyUnavailableError('dynamodb', 'TransactWriteItems', 'InternalServerError');

/** One mint, its outcome, and every step that it took. */
const minted = async (
  context: Partial<TokenContext> = {},
  own: Partial<{ [Port in keyof MintPorts]: unknown }> = {},
  request: Partial<MintRequest> = {},
) => {
  const { ports, log } = recordingPorts(aContext(context));
  const told: string[] = [];
  const overlaid = Object.fromEntries(
    Object.entries(own).map(([name, port]) => [
      name,
      typeof port === 'function'
        ? port
        : { ...(ports[name as keyof MintPorts] as object), ...(port as object) },
    ]),
  );
  const run = mintToken(
    { ...ports, ...overlaid } as MintPorts,
    SETTINGS,
  )(aRequest({ onOriginAllowed: (origin) => told.push(origin), ...request }));
  return { result: await run.catch((error: unknown) => error), log, told };
};

const refused = async (...given: Parameters<typeof minted>) => {
  const { result, log, told } = await minted(...given);
  if (!(result instanceof BrokerError)) throw result;
  const { code: refusal, retryAfterSeconds: retryAfter, details } = result;
  return { refusal, retryAfter, details, log, told };
};

const REACHED = ['open', 'ask OpenAI'];
const reached = (log: readonly string[]) => log.filter((step) => REACHED.includes(step));

/** A limiter that refuses these subjects. */
const without = (log: string[], ...empty: readonly string[]) => ({
  spend: async (subject: string) => {
    const [kind = ''] = subject.split('#');
    log.push(`spend ${kind}`);
    return empty.includes(kind) ? { allowed: false, retryAfterSeconds: 50 } : { allowed: true };
  },
});

describe('a successful mint', () => {
  it('writes the record before it opens the key, and the outcome before the answer', async () => {
    const { log, told } = await minted();
    expect(log).toEqual(['spend ip', 'spend site', 'admit', 'open', 'ask OpenAI', 'settle issued']);
    expect(told).toEqual([PAGE]);
  });

  it('returns the data that the widget needs, and records who pays', async () => {
    const { result } = await minted({ siteKey: aKey('site') });
    expect(result).toMatchObject({
      clientSecret: { value: 'ek_1' },
      realtimeUrl: 'https://api.openai.com/v1/realtime/calls',
      mode: 'byok',
      heartbeatSeconds: 20,
      maxDurationSeconds: 600,
      remainingSlots: 9,
      firstMessage: null,
      session: {
        kind: 'visitor',
        mode: 'byok',
        keyScope: 'site',
        keyScopeId: SITE_ID,
        keyVersion: 3,
        fingerprint: 'site',
        ipHash: 'hash of 192.0.2.1',
        actor: 'visitor',
        origin: PAGE,
        createdAt: NOW.toISOString(),
      },
    });
    const { session, signingSecret } = result as { session: ReservedSession; signingSecret: string };
    expect(signingSecret).toBe(`secret of ${session.sessionId}`);
  });

  it('uses the conversation settings of the site on its own key, and bounded ones if the platform pays', async () => {
    const asked: unknown[] = [];
    const openAi = {
      mintClientSecret: async (_: unknown, { settings }: { readonly settings: VoiceSettings }) => {
        asked.push(settings.conversation);
        throw down;
      },
    };
    const conversation = {
      ...DEFAULT_CONVERSATION,
      maxOutputTokens: 4_096,
      reasoningEffort: 'high',
    } as const;
    const site = aSite({ conversation });
    await minted({ site }, { openAi });
    await minted({ site, ...MANAGED }, { openAi });
    expect(asked).toStrictEqual([conversation, DEFAULT_CONVERSATION]);
  });

  it('on the last minutes of a hard cap limits the session to these minutes', async () => {
    const period = { usedSeconds: 0, committedSeconds: 5_900, notices: {} };
    expect((await minted({ ...MANAGED, period })).result).toMatchObject({
      mode: 'managed',
      maxDurationSeconds: 100,
    });
  });

  it('identifies the visitor to OpenAI by the visitor ID of the page, or else by the address', async () => {
    const asked: unknown[] = [];
    const openAi = {
      mintClientSecret: async (_: unknown, request: unknown) => {
        asked.push(request);
        return { value: 'ek_1', expiresAt: 0 };
      },
    };
    await minted({}, { openAi });
    await minted({}, { openAi }, { visitorId: 'visitor-7' });
    expect(asked).toMatchObject([
      { safetyIdentifier: `${SITE_ID} 192.0.2.1`, ttlSeconds: 60, timeoutMs: 1_000 },
      { safetyIdentifier: `${SITE_ID} visitor-7`, ttlSeconds: 60, timeoutMs: 1_000 },
    ]);
  });

  it('is recorded with the request IDs of KMS and OpenAI', async () => {
    const outcomes: unknown[] = [];
    const settle = async (_: unknown, outcome: unknown) => void outcomes.push(outcome);
    await minted({}, { sessions: { settle } });
    expect(outcomes).toEqual([
      {
        state: 'issued',
        at: NOW.toISOString(),
        kmsRequestId: 'kms-1',
        openAiRequestId: 'req_1',
        openAiSessionId: 'sess_1',
      },
    ]);
  });

  it('passes the tier of the workspace to the metrics', async () => {
    const tiers: number[] = [];
    await minted({}, {}, { onTierKnown: (tier) => tiers.push(tier) });
    expect(tiers).toEqual([2]);
  });
});

describe('a mint before its admission', () => {
  it('is refused first for an address over its rate limit, and does not charge the site', async () => {
    const log: string[] = [];
    const { refusal, retryAfter, told } = await refused({ site: undefined }, { limiter: without(log, 'ip') });
    expect({ refusal, retryAfter, log, told }).toEqual({
      refusal: 'rate_limited',
      retryAfter: 50,
      log: ['spend ip'],
      told: [],
    });
  });

  it.each([
    ['a site that does not exist', { site: undefined }],
    ['a workspace that does not exist', { workspace: undefined }],
    ['a deleted workspace', { workspace: aWorkspace({ deletedAt: '2026-11-20T00:00:00.000Z' }) }],
  ])('is refused as site_not_found from any page for %s', async (_, context) => {
    for (const origin of [PAGE, 'https://elsewhere.example', undefined]) {
      const { refusal, log, told } = await refused(context, {}, { origin });
      expect({ refusal, log, told }).toEqual({ refusal: 'site_not_found', log: ['spend ip'], told: [] });
    }
  });

  it('is refused as site_not_found for an ID without a workspace, and reads nothing', async () => {
    const contexts = { readTokenContext: () => Promise.reject(down) };
    expect((await refused({}, { contexts }, { siteId: 'abcdefgh' as SiteId })).refusal).toBe(
      'site_not_found',
    );
  });

  it('is an outage if the store cannot be read, unless the address is refused anyway', async () => {
    const contexts = { readTokenContext: () => Promise.reject(down) };
    expect((await minted({}, { contexts })).result).toBe(down);
    expect((await refused({}, { contexts, limiter: without([], 'ip') })).refusal).toBe('rate_limited');
  });

  it.each([undefined, 'https://elsewhere.example', `${PAGE}:444`, 'null'])(
    'is refused for an unregistered page (%s), and reported to the operator within a limit',
    async (origin) => {
      const { refusal, log, told } = await refused({}, {}, { origin });
      expect({ refusal, told }).toEqual({ refusal: 'origin_not_allowed', told: [] });
      expect(log).toEqual(['spend ip', 'spend foreign-origin', 'tell operator origin_not_allowed']);
      const flooded: string[] = [];
      const again = await refused({}, { limiter: without(flooded, 'foreign-origin') }, { origin });
      expect(again.refusal).toBe('origin_not_allowed');
      expect(again.log).toEqual([]);
    },
  );

  it('reports at most sixty foreign origins a minute, and none if the limit cannot be read', async () => {
    const origin = 'https://elsewhere.example';
    const limits: unknown[] = [];
    const spend = async (subject: string, limit: unknown) => {
      if (!subject.startsWith('foreign-origin')) return { allowed: true };
      limits.push(limit);
      throw down;
    };
    const { refusal, log } = await refused({}, { limiter: { spend } }, { origin });
    expect({ refusal, limits, log }).toEqual({
      refusal: 'origin_not_allowed',
      limits: [{ perMinute: 60 }],
      log: [],
    });
  });

  it.each<[BrokerErrorCode, Partial<TokenContext>]>([
    ['openai_key_missing', { workspaceKey: undefined }],
    ['openai_key_suspended', { workspaceKey: aKey('workspace', { state: 'suspended' }) }],
    ['minutes_exhausted', { ...MANAGED, period: { usedSeconds: 6_000, committedSeconds: 0, notices: {} } }],
    ['platform_key_missing', { ...MANAGED, platformKey: undefined }],
  ])(
    'that fails with %s charges the site, is reported to the operator, and opens no key',
    async (due, context) => {
      const { refusal, log } = await refused(context);
      expect(refusal).toBe(due);
      expect(log).toEqual(['spend ip', 'spend site', `tell operator ${due}`]);
      const spent: string[] = [];
      const limited = await refused(context, { limiter: without(spent, 'site') });
      expect({ refusal: limited.refusal, log: limited.log }).toEqual({ refusal: 'rate_limited', log: [] });
    },
  );

  it('is refused for a managed site with 20 silent sessions today, with the reason', async () => {
    const { refusal, details, log } = await refused({ ...MANAGED, silentSessions: 20 });
    expect(refusal).toBe('calls_only');
    expect(details).toMatchObject([{ path: 'silent_sessions' }]);
    expect(log).toEqual(['spend ip', 'tell operator calls_only']);
    expect((await minted({ ...MANAGED, silentSessions: 19 })).log).toContain('ask OpenAI');
  });

  it('is not affected by silent sessions on an own key', async () => {
    expect((await minted({ silentSessions: 20 })).log).toContain('ask OpenAI');
  });

  it('is refused before a session is written if the site is known to be over its rate limit', async () => {
    const { refusal, retryAfter, log } = await refused({ siteCalls: 200 });
    expect({ refusal, retryAfter, log }).toEqual({
      refusal: 'rate_limited',
      retryAfter: 50,
      log: ['spend ip'],
    });
    expect((await minted({ siteCalls: 199 })).log).toContain('admit');
  });

  it('releases everything if another request took the last call of the rate limit', async () => {
    const spent: string[] = [];
    const { refusal, log } = await refused(MANAGED, { limiter: without(spent, 'site') });
    expect(refusal).toBe('rate_limited');
    expect(log).toEqual([
      'admit',
      'settle refused rate_limited',
      'release',
      'no longer live',
      'give minutes back',
    ]);
  });
});

it('a site over its rate limit with all slots taken is refused for the rate limit', async () => {
  const full = {
    workspace: aWorkspace({ concurrencyLimit: 1 }),
    leases: leasesOf(poolOf('workspace'), [30]),
  };
  expect((await refused(full, { limiter: without([], 'site') })).refusal).toBe('rate_limited');
});

describe('a mint on a degraded key', () => {
  const reports = ['a', 'b', 'c'].map((ipHash) => ({
    ipHash,
    failure: 'quota_exhausted' as const,
    atMs: NOW.getTime() - 20_000,
  }));
  const health = { site: undefined, platform: undefined, workspace: { ...newKeyHealth(3), reports } };

  it('is refused with the error that OpenAI would return, and writes no session', async () => {
    const { refusal, log } = await refused({ health });
    expect(refusal).toBe('openai_quota_exhausted');
    expect(log).toEqual(['spend ip', 'spend site', 'tell operator openai_quota_exhausted']);
  });

  it('is refused as busy first if every slot is taken', async () => {
    const full = {
      workspace: aWorkspace({ concurrencyLimit: 2 }),
      leases: leasesOf(poolOf('workspace'), [30, 40]),
    };
    expect(await refused({ ...full, health })).toMatchObject({ refusal: 'busy', retryAfter: 30 });
    const share = {
      workspace: aWorkspace({ concurrencyLimit: 2, siteSharePercent: 50 }),
      leases: leasesOf(`${poolOf('workspace')}#${SITE_ID.slice(12)}`, [20]),
    };
    expect(await refused({ ...share, health })).toMatchObject({ refusal: 'busy', retryAfter: 20 });
    const room = { ...full, leases: leasesOf(poolOf('workspace'), [30]) };
    expect(await refused({ ...room, health })).toMatchObject({ refusal: 'openai_quota_exhausted' });
  });
});

describe('a mint after its admission', () => {
  const failing = (failure: unknown) => ({ openAi: { mintClientSecret: () => Promise.reject(failure) } });

  it('reports busy to the operator, but not a failed store', async () => {
    const busy = await refused({
      workspace: aWorkspace({ concurrencyLimit: 1 }),
      leases: leasesOf(poolOf('workspace'), [30]),
    });
    expect(busy).toMatchObject({ refusal: 'busy', log: ['spend ip', 'spend site', 'tell operator busy'] });
    const { result, log } = await minted({}, { admissions: { admit: () => Promise.reject(down) } });
    expect(result).toBe(down);
    expect(log).toEqual(['spend ip', 'spend site']);
  });

  it.each<[BrokerErrorCode, unknown]>([
    ['openai_key_rejected', new OpenAiFailure('key_invalid')],
    ['openai_quota_exhausted', new OpenAiFailure('quota_exhausted')],
    ['busy', new OpenAiFailure('rate_limited')],
    ['openai_timeout', new OpenAiFailure('timeout')],
    ['openai_error', new OpenAiFailure('upstream_error')],
    ['unavailable', new Error('a fault of ours')],
  ])(
    'that fails with %s releases slot and minutes, and records the refusal before it answers',
    async (due, failure) => {
      const { refusal, log } = await refused(MANAGED, failing(failure));
      expect(refusal).toBe(due);
      expect(log.slice(0, 4)).toEqual(['spend ip', 'spend site', 'admit', 'open']);
      expect(log.slice(4).sort()).toEqual([
        'give minutes back',
        'no longer live',
        'release',
        `settle refused ${due}`,
        `tell operator ${due}`,
      ]);
    },
  );

  it('that OpenAI refuses is recorded in our words, with the request IDs of OpenAI and KMS', async () => {
    const outcomes: unknown[] = [];
    const errors: ReportedError[] = [];
    await refused(
      {},
      {
        ...failing(new OpenAiFailure('key_invalid', { requestId: 'req_9' })),
        sessions: { settle: async (_: unknown, outcome: unknown) => void outcomes.push(outcome) },
        errors: { report: async (error: ReportedError) => void errors.push(error) },
      },
    );
    expect(outcomes).toEqual([
      {
        state: 'refused',
        at: NOW.toISOString(),
        refusal: 'openai_key_rejected',
        kmsRequestId: 'kms-1',
        openAiFailure: 'key_invalid',
        openAiRequestId: 'req_9',
      },
    ]);
    expect(errors).toMatchObject([
      {
        siteId: SITE_ID,
        code: 'openai_key_rejected',
        source: 'mint',
        openAiFailure: 'key_invalid',
        message: expect.stringContaining('OpenAI does not accept this key'),
        sessionId: expect.stringMatching(/^ses_/),
        at: NOW.toISOString(),
      },
    ]);
  });

  it('is refused as openai_key_unreadable for a damaged customer key, and is an outage for a damaged platform key', async () => {
    const opener = { withPlaintext: () => Promise.reject(new SealedKeyUnreadableError()) };
    const own = await refused({}, { opener });
    expect(own.refusal).toBe('openai_key_unreadable');
    expect(own.log).toContain('note unreadable');
    expect((await refused(MANAGED, { opener })).refusal).toBe('platform_key_missing');
  });

  it('keeps the outage of KMS with its facts, and releases its admission', async () => {
    const kms = new DependencyUnavailableError('kms', 'Decrypt', 'KMSInternalException');
    const { result, log } = await minted({}, { opener: { withPlaintext: () => Promise.reject(kms) } });
    expect(result).toBe(kms);
    expect(log).toContain('settle refused unavailable');
    expect(log).toContain('release');
  });

  it('opens no key if the signing secret cannot be derived', async () => {
    const deriver = { signingSecret: () => Promise.reject(down) };
    const { result, log } = await minted({}, { pseudonyms: deriver });
    expect(result).toBe(down);
    expect(reached(log)).toEqual([]);
    expect(log).toContain('release');
  });

  it.each([
    ['was settled by another request', new ConflictError(), 'unavailable'],
    ['cannot be written', down, undefined],
  ])(
    'does not return a secret whose outcome %s, and releases slot and minutes',
    async (_, error, refusal) => {
      const { result, log } = await minted(MANAGED, { sessions: { settle: () => Promise.reject(error) } });
      if (refusal === undefined) expect(result).toBe(error);
      else expect(result).toMatchObject({ code: refusal });
      expect(log).toEqual(
        expect.arrayContaining(['ask OpenAI', 'release', 'no longer live', 'give minutes back']),
      );
    },
  );

  it('returns the same refusal if neither the operator nor the record can be updated', async () => {
    const { refusal } = await refused(
      {},
      {
        ...failing(new OpenAiFailure('timeout')),
        errors: { report: () => Promise.reject(down) },
        sessions: { settle: () => Promise.reject(down) },
        slots: { release: () => Promise.reject(down) },
      },
    );
    expect(refusal).toBe('openai_timeout');
  });

  it('that fails releases the minutes of its session usage, and saves the usage as ended', async () => {
    const saved: unknown[] = [];
    await refused(MANAGED, {
      ...failing(new OpenAiFailure('timeout')),
      sessionUsage: { saveUsage: async (meter: unknown) => void saved.push(meter) },
    });
    expect(saved).toMatchObject([
      { revision: 1, silent: true, holdSeconds: 120, posted: { committedSeconds: 120, billedSeconds: 0 } },
    ]);
  });

  it('uses the slot pools, the maximum length and the connection time of the site', async () => {
    const admitted: { session: ReservedSession; leases: readonly unknown[] }[] = [];
    const admissions = {
      admit: async ({ session, leases }: { session: ReservedSession; leases: readonly unknown[] }) =>
        void admitted.push({ session, leases }),
    };
    const site = aSite({ clientSecretTtlSeconds: 30, maxDurationSeconds: 120 });
    await minted({ site, workspace: aWorkspace({ siteSharePercent: 50 }) }, { admissions });
    expect(admitted).toMatchObject([
      {
        session: { admission: { maxDurationSeconds: 120, holdSeconds: 0, connectBy: NOW_SECONDS + 60 } },
        leases: [{ pool: poolOf('workspace') }, { pool: `${poolOf('workspace')}#${SITE_ID.slice(12)}` }],
      },
    ]);
    expect(await refused({}, { admissions: { admit: lost } })).toMatchObject({ refusal: 'busy' });
  });
});
