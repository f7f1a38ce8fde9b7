import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import { newSessionId, type SiteId, type WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { damagedSealedKey, type LiveKey, PLATFORM_ADDRESS } from '../../../lambdas/domain/keys/stored-key.ts';
import { DEFAULT_RATE_LIMITS } from '../../../lambdas/domain/limits.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { keyPoolOf, type TakenSlot } from '../../../lambdas/domain/sessions/slots.ts';
import type { TokenContext } from '../../../lambdas/domain/sessions/token-context.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import { DEFAULT_RETENTION } from '../../../lambdas/domain/tenancy/retention.ts';
import type { Member, Role, Site, Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { AdmissionRequest } from '../../../lambdas/use-cases/sessions/admit-session.ts';
import type { MintPorts, MintRequest, MintSettings } from '../../../lambdas/use-cases/sessions/mint-token.ts';
import { strictPorts } from '../../support/strict-port.ts';

/** Everything of one mint that stands still: a site, its workspace, and a clock. */

export const NOW = new Date('2026-11-23T12:00:10.000Z');
export const NOW_SECONDS = Math.floor(NOW.getTime() / 1_000);
export const WORKSPACE_ID = '0123456789ab' as WorkspaceId;
export const SITE_ID = `${WORKSPACE_ID}cdefghjkmnpq` as SiteId;
export const PAGE = 'https://shop.example';

export const aWorkspace = (facts: Partial<Workspace> = {}): Workspace => ({
  workspaceId: WORKSPACE_ID,
  name: 'Shop',
  billingMode: 'byok',
  plan: 'free',
  openaiTier: 2,
  concurrencyLimit: null,
  siteSharePercent: null,
  dataResidency: 'global',
  anomalyResponse: 'notify',
  alertEmail: null,
  timeZone: 'UTC',
  retention: DEFAULT_RETENTION,
  ownerCount: 1,
  siteCount: 1,
  createdAt: '2026-11-01T00:00:00.000Z',
  deletedAt: null,
  ...facts,
});

export const aSite = (facts: Partial<Site> = {}): Site => ({
  siteId: SITE_ID,
  workspaceId: WORKSPACE_ID,
  name: 'Shop site',
  allowedOrigins: [PAGE],
  model: 'gpt-realtime-2.1-mini',
  voice: 'marin',
  instructions: '',
  tools: [],
  conversation: DEFAULT_CONVERSATION,
  dataResidency: 'global',
  control: 'open',
  requireEmbedToken: false,
  visitorLimits: { callsPerDay: null, minutesPerDay: null },
  embedKey: null,
  clientSecretTtlSeconds: 60,
  maxDurationSeconds: 600,
  modelAutoUpgrade: true,
  ignoredOrigins: [],
  modelMove: null,
  retirementNotices: {},
  createdAt: '2026-11-01T00:00:00.000Z',
  createdBy: 'owner',
  ...facts,
});

export const aMember = (role: Role, sub = 'somebody'): Member => ({
  workspaceId: WORKSPACE_ID,
  sub,
  role,
  addedAt: NOW.toISOString(),
  addedBy: 'owner',
});

export const ADDRESSES = {
  site: { scope: 'site', scopeId: SITE_ID, workspaceId: WORKSPACE_ID },
  workspace: { scope: 'workspace', scopeId: WORKSPACE_ID, workspaceId: WORKSPACE_ID },
  platform: PLATFORM_ADDRESS,
} as const;

/** The pool of the key of this scope. */
export const poolOf = (scope: keyof typeof ADDRESSES): string => keyPoolOf(scope);

/** A stored key without ciphertext: nothing here opens one. Its fingerprint is the name of its scope. */
export const aKey = (scope: keyof typeof ADDRESSES, facts: Partial<LiveKey> = {}): LiveKey => ({
  revision: 1,
  lastVersion: 3,
  changedAt: '2026-11-01T00:00:00.000Z',
  changedBy: 'owner',
  state: 'active',
  sealed: { ...damagedSealedKey({ ...ADDRESSES[scope], version: 3 }), fingerprint: scope },
  verdict: { ok: true, code: 'ok', message: '', checkedAt: '2026-11-01T00:00:00.000Z', latencyMs: 1 },
  createdAt: '2026-11-01T00:00:00.000Z',
  createdBy: 'owner',
  previousVersion: null,
  ...facts,
});

/** The session that an admission reserves: a visitor's, on the platform's key. */
export const anAdmittedSession = (
  facts: Partial<AdmissionRequest['session']> = {},
): AdmissionRequest['session'] => ({
  sessionId: newSessionId(NOW, (size) => Buffer.alloc(size)),
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  kind: 'visitor',
  mode: 'managed',
  keyScope: 'platform',
  keyScopeId: 'platform',
  keyVersion: 3,
  fingerprint: 'key',
  model: 'gpt-realtime-2.1-mini',
  voice: 'marin',
  ipHash: 'me',
  actor: 'visitor',
  origin: PAGE,
  createdAt: NOW.toISOString(),
  ...facts,
});

export const aContext = (facts: Partial<TokenContext> = {}): TokenContext => ({
  workspace: aWorkspace(),
  site: aSite(),
  siteKey: undefined,
  workspaceKey: aKey('workspace'),
  platformKey: aKey('platform'),
  siteCalls: 0,
  stopped: false,
  silentSessions: 0,
  period: { usedSeconds: 0, committedSeconds: 0, notices: {} },
  leases: [],
  budgets: [],
  embed: { tokenUsed: false, visitorDay: { calls: 0, seconds: 0 } },
  health: { site: undefined, workspace: undefined, platform: undefined },
  ...facts,
});

/** Slots of a pool, each with an end this many seconds from now. */
export const leasesOf = (
  pool: string,
  ends: readonly number[],
  facts: Partial<TakenSlot> = {},
): TakenSlot[] =>
  ends.map((seconds, index) => ({
    pool,
    index,
    holder: `${index}`,
    address: 'other',
    expiresAt: NOW_SECONDS + seconds,
    ...facts,
  }));

export const SETTINGS: MintSettings = {
  rateLimits: DEFAULT_RATE_LIMITS,
  plans: BUILT_IN_PLANS,
  addressSlotPercent: 100,
  openAiTimeoutMs: 1_000,
  managedTokens: 'allow',
};

export const aRequest = (facts: Partial<MintRequest> = {}): MintRequest => ({
  siteId: SITE_ID,
  origin: PAGE,
  sourceIp: '192.0.2.1',
  visitorId: undefined,
  embedToken: undefined,
  onOriginAllowed: () => undefined,
  ...facts,
});

/**
 * Ports that write down what is asked of them, in order, and say yes. A test puts its own in place of those that it is
 * about. A method that is not here throws.
 */
export const recordingPorts = (context: TokenContext, own: Partial<MintPorts> = {}) => {
  const log: string[] = [];
  const ports = strictPorts({
    clock: () => NOW,
    random: (size: number) => Buffer.alloc(size),
    backOff: async () => undefined,
    pseudonyms: {
      hashIp: async (address: string) => `hash of ${address}`,
      safetyIdentifier: async (site: string, visitor: string) => `${site} ${visitor}`,
      signingSecret: async (sessionId: string) => `secret of ${sessionId}`,
    },
    limiter: {
      spend: async (subject: string) => {
        log.push(`spend ${subject.split('#')[0]}`);
        return { allowed: true };
      },
    },
    contexts: {
      readTokenContext: async () => context,
      readCapacity: async () => context,
    },
    admissions: {
      admit: async () => {
        log.push('admit');
      },
    },
    sessions: {
      settle: async (_: unknown, { state, refusal }: { state: string; refusal?: string }) => {
        log.push(`settle ${state}${refusal === undefined ? '' : ` ${refusal}`}`);
      },
      noteUnreadable: async () => {
        log.push('note unreadable');
      },
    },
    slots: {
      release: async () => {
        log.push('release');
      },
    },
    sessionUsage: {
      saveUsage: async () => {
        log.push('give minutes back');
      },
    },
    live: {
      removeLive: async () => {
        log.push('no longer live');
      },
    },
    errors: {
      report: async ({ code }: { code: string }) => {
        log.push(`tell operator ${code}`);
      },
    },
    opener: {
      withPlaintext: async (
        _: unknown,
        use: (plaintext: Secret) => Promise<unknown>,
        onDecryptAttempt: (id: string) => void,
      ) => {
        log.push('open');
        onDecryptAttempt('kms-1');
        return use(Secret.fromText('a key'));
      },
    },
    openAi: {
      mintClientSecret: async () => {
        log.push('ask OpenAI');
        return {
          value: 'ek_1',
          expiresAt: NOW_SECONDS + 60,
          openAiRequestId: 'req_1',
          openAiSessionId: 'sess_1',
        };
      },
      realtimeUrl: () => 'https://api.openai.com/v1/realtime/calls',
    },
    ...own,
  }) as unknown as MintPorts;
  return { ports, log };
};

/** A write that lost to another writer. */
export const lost = async (): Promise<never> => {
  throw new ConflictError();
};

/** How an attempt ended: `done`, the name of a refusal, or whatever else was thrown. */
export const outcomeOf = async (attempt: Promise<unknown>): Promise<unknown> => {
  try {
    await attempt;
    return 'done';
  } catch (error) {
    return error instanceof BrokerError ? error.code : error;
  }
};
