import { BrokerError } from '../../domain/broker-error.ts';
import { ConflictError, DependencyUnavailableError } from '../../domain/dependency.ts';
import { newSessionId, type RandomBytes, type SiteId, workspaceOfSite } from '../../domain/identifiers.ts';
import { brokerErrorOfDegradation } from '../../domain/keys/key-health.ts';
import { SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import type { LiveKey } from '../../domain/keys/stored-key.ts';
import { type RateLimits, secondsToNextMinute, siteBudget } from '../../domain/limits.ts';
import {
  brokerErrorOfOpenAiFailure,
  explainOpenAiFailure,
  OpenAiFailure,
} from '../../domain/openai-failure.ts';
import type { ReservedSession, SessionOutcome } from '../../domain/sessions/session.ts';
import { entryOf, HEARTBEAT_SECONDS } from '../../domain/sessions/session-usage.ts';
import { freeSlots, occupiedSlots, poolsOf } from '../../domain/sessions/slots.ts';
import type { TokenContext } from '../../domain/sessions/token-context.ts';
import { modelInUse } from '../../domain/tenancy/model-retirement.ts';
import { originAllowed } from '../../domain/tenancy/origin.ts';
import type { Plan } from '../../domain/tenancy/plan.ts';
import type { BillingMode, Site, Workspace } from '../../domain/tenancy/workspace.ts';
import { withOpenedKey } from '../keys/with-opened-key.ts';
import type { KeyOpener } from '../ports/keys.ts';
import type { MintedClientSecret, OpenAi } from '../ports/openai.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type {
  ErrorLog,
  PseudonymService,
  RateLimiter,
  SessionAdmitter,
  SessionLog,
  SessionUsageStore,
  SlotLeases,
  TokenContextReader,
} from '../ports/sessions.ts';
import { reportRefusedOrigin } from '../tenancy/report-refused-origin.ts';
import { type AdmissionRequest, type Admitted, admitSession } from './admit-session.ts';
import { chooseKey, type Payer } from './choose-key.ts';

export interface MintPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly pseudonyms: PseudonymService;
  readonly limiter: RateLimiter;
  readonly contexts: TokenContextReader;
  readonly admissions: SessionAdmitter;
  readonly sessions: SessionLog;
  readonly slots: SlotLeases;
  readonly sessionUsage: SessionUsageStore;
  readonly errors: ErrorLog;
  readonly opener: KeyOpener;
  readonly openAi: OpenAi;
  readonly backOff: BackOff;
}

export interface MintSettings {
  readonly rateLimits: RateLimits;
  readonly plans: readonly Plan[];
  /** What one address may hold of a key's concurrency slots, percent. */
  readonly addressSlotPercent: number;
  /** How long OpenAI may take to answer, milliseconds. */
  readonly openAiTimeoutMs: number;
}

export interface MintRequest {
  readonly siteId: SiteId;
  readonly origin: string | undefined;
  /** As API Gateway saw it, never from a header. */
  readonly sourceIp: string;
  readonly visitorId: string | undefined;
  /** Called as soon as the origin is known to be the site's own: from here on the widget may read the answer. */
  readonly onOriginAllowed: (origin: string) => void;
  /** For metrics: the OpenAI tier of the workspace. */
  readonly onTierKnown?: (tier: number) => void;
}

export interface MintedToken {
  readonly clientSecret: MintedClientSecret;
  readonly session: ReservedSession;
  readonly signingSecret: string;
  readonly realtimeUrl: string;
  readonly mode: BillingMode;
  /** How often the widget reports that its session lives. */
  readonly heartbeatSeconds: number;
  readonly maxDurationSeconds: number;
  /** null when the key has no limit on concurrent sessions. */
  readonly remainingSlots: number | null;
}

/**
 * The main job: admits one visitor and mints one client secret, which is handed out once. Refuses in the order of the
 * contract. A refused request never reaches KMS; no key is opened without its session on record; a secret whose
 * session could not be recorded is not handed out.
 *
 * Three sequential hops before OpenAI and one after: read and IP budget; admission; decrypt; then the outcome.
 */
export const mintToken =
  (ports: MintPorts, settings: MintSettings) =>
  async (request: MintRequest): Promise<MintedToken> => {
    const now = ports.clock();
    const { ipHash, site, workspace, context } = await loadMintContext(ports, settings, request, now);
    const payer = chooseKey(workspace, context, settings.plans, now);
    if ('refusal' in payer) {
      await spendSiteBudget(ports, settings, request.siteId, now);
      await report(ports, site, payer.refusal, undefined, undefined);
      throw payer.refusal;
    }

    const admitted = await admit(ports, settings, {
      session: newSession(ports, request, site, payer, ipHash, now),
      site,
      pools: poolsOf(payer.key.sealed.fingerprint, site.siteId, payer.slotLimit, workspace.siteSharePercent),
      addressSlotPercent: settings.addressSlotPercent,
      capSeconds: payer.capSeconds,
      capacity: context,
      payer,
      siteCalls: context.siteCalls,
      now,
    });
    const minted = await mintForSession(ports, settings, { request, site, admitted, key: payer.key });
    await settleIssued(ports, admitted, minted);
    return {
      clientSecret: minted.clientSecret,
      session: admitted.session,
      signingSecret: minted.signingSecret,
      realtimeUrl: ports.openAi.realtimeUrl(site),
      mode: payer.mode,
      heartbeatSeconds: HEARTBEAT_SECONDS,
      maxDurationSeconds: admitted.session.admission?.maxDurationSeconds ?? site.maxDurationSeconds,
      remainingSlots: admitted.remainingSlots,
    };
  };

interface MintContext {
  readonly ipHash: string;
  readonly site: Site;
  readonly workspace: Workspace;
  readonly context: TokenContext;
}

/** Hop 1. The address is judged before the site, so that a refused address never spends the site's budget. */
const loadMintContext = async (
  ports: MintPorts,
  settings: MintSettings,
  request: MintRequest,
  now: Date,
): Promise<MintContext> => {
  const workspaceId = workspaceOfSite(request.siteId);
  const [address, read] = await Promise.allSettled([
    spendIpBudget(ports, settings, request.sourceIp, now),
    workspaceId && ports.contexts.readTokenContext(request.siteId, workspaceId, now),
  ]);
  const context = read.status === 'fulfilled' ? read.value : undefined;
  const site = context?.workspace?.deletedAt === null ? context.site : undefined;
  const origin = request.origin;
  const ownOrigin = site !== undefined && origin !== undefined && originAllowed(origin, site.allowedOrigins);
  if (ownOrigin) request.onOriginAllowed(origin);

  if (address.status === 'rejected') throw address.reason;
  if (read.status === 'rejected') throw read.reason;
  if (context?.workspace === undefined || site === undefined) throw new BrokerError('site_not_found');
  if (!ownOrigin) {
    await reportRefusedOrigin(ports, site, origin, now);
    throw new BrokerError('origin_not_allowed');
  }
  request.onTierKnown?.(context.workspace.openaiTier);
  // Nobody's visitor is refused for a model that was shut down before the site could be moved.
  const served = { ...site, model: modelInUse(site, now) };
  return { ipHash: address.value, site: served, workspace: context.workspace, context };
};

const spendIpBudget = async (
  { pseudonyms, limiter }: MintPorts,
  { rateLimits }: MintSettings,
  sourceIp: string,
  now: Date,
): Promise<string> => {
  const ipHash = await pseudonyms.hashIp(sourceIp, now);
  const budget = await limiter.spend(`ip#${ipHash}`, rateLimits.perIp, now);
  if (!budget.allowed) throw new BrokerError('rate_limited', budget);
  return ipHash;
};

const spendSiteBudget = async (
  { limiter }: MintPorts,
  { rateLimits }: MintSettings,
  siteId: SiteId,
  now: Date,
): Promise<void> => {
  const budget = await limiter.spend(siteBudget(siteId), rateLimits.perSite, now);
  if (!budget.allowed) throw new BrokerError('rate_limited', budget);
};

const newSession = (
  { random }: MintPorts,
  request: MintRequest,
  site: Site,
  payer: Payer,
  ipHash: string,
  now: Date,
): ReservedSession & { readonly siteId: SiteId } => ({
  sessionId: newSessionId(now, random),
  workspaceId: site.workspaceId,
  siteId: site.siteId,
  kind: 'visitor',
  mode: payer.mode,
  keyScope: payer.key.sealed.scope,
  keyScopeId: payer.key.sealed.scopeId,
  keyVersion: payer.key.sealed.version,
  fingerprint: payer.key.sealed.fingerprint,
  model: site.model,
  voice: site.voice,
  dataResidency: site.dataResidency,
  ipHash,
  actor: 'visitor',
  origin: request.origin,
  createdAt: now.toISOString(),
});

interface AdmissionAttempt extends AdmissionRequest {
  readonly payer: Payer;
  /** What the site had spent of its budget. */
  readonly siteCalls: number;
}

/** Hop 2: the site's budget, and slots, minutes and the reserved session together. What was taken is given back on a refusal. */
const admit = async (
  ports: MintPorts,
  settings: MintSettings,
  request: AdmissionAttempt,
): Promise<Admitted> => {
  const { site, now } = request;
  // Known from hop 1, so that a flood costs reads alone: no session, no slot, no row of the audit trail.
  if (request.siteCalls >= settings.rateLimits.perSite.perMinute)
    throw new BrokerError('rate_limited', { retryAfterSeconds: secondsToNextMinute(now) });
  const degraded = refusalWhileDegraded(request);
  const [budget, admission] = await Promise.allSettled([
    spendSiteBudget(ports, settings, site.siteId, now),
    degraded === undefined ? admitSession(ports, request) : Promise.reject(degraded),
  ]);
  if (budget.status === 'rejected') {
    if (admission.status === 'fulfilled')
      await releaseReservation(ports, admission.value, toBrokerError(budget.reason).code);
    throw budget.reason;
  }
  if (admission.status === 'rejected') {
    if (admission.reason instanceof BrokerError)
      await report(ports, site, admission.reason, undefined, undefined);
    throw admission.reason;
  }
  return admission.value;
};

/** What a quorum of visitors met with this key, unless all slots are taken, which the contract says first. */
const refusalWhileDegraded = ({ payer, pools, capacity, now }: AdmissionAttempt): BrokerError | undefined => {
  const full = pools.some(
    ({ pool, limit }) => freeSlots(occupiedSlots(capacity.leases, pool, now), limit).length === 0,
  );
  return payer.degradation === undefined || full
    ? undefined
    : brokerErrorOfDegradation(payer.degradation, now);
};

interface Mint {
  readonly request: MintRequest;
  readonly site: Site;
  readonly admitted: Admitted;
  readonly key: LiveKey;
}

interface Minted {
  readonly clientSecret: MintedClientSecret;
  readonly signingSecret: string;
  readonly kmsRequestId: string | undefined;
}

/** Hop 3 and OpenAI. On any failure the slot comes back and the refusal is on record before the visitor hears of it. */
const mintForSession = async (ports: MintPorts, settings: MintSettings, mint: Mint): Promise<Minted> => {
  const { request, site, admitted, key } = mint;
  const { session } = admitted;
  let kmsRequestId: string | undefined;
  try {
    const [safetyIdentifier, signingSecret] = await Promise.all([
      ports.pseudonyms.safetyIdentifier(site.siteId, request.visitorId ?? request.sourceIp),
      ports.pseudonyms.signingSecret(session.sessionId),
    ]);
    const clientSecret = await withOpenedKey(ports)(
      session,
      key,
      (plaintext) =>
        ports.openAi.mintClientSecret(plaintext, {
          settings: site,
          ttlSeconds: site.clientSecretTtlSeconds,
          safetyIdentifier,
          timeoutMs: settings.openAiTimeoutMs,
        }),
      (requestId) => {
        kmsRequestId = requestId;
      },
    );
    return { clientSecret, signingSecret, kmsRequestId };
  } catch (error) {
    // A customer cannot enter the platform's key again; to them it is an outage.
    const platformKeyUnreadable = error instanceof SealedKeyUnreadableError && session.mode === 'managed';
    const refusal = platformKeyUnreadable ? new BrokerError('platform_key_missing') : toBrokerError(error);
    const openAiFailure = error instanceof OpenAiFailure ? error : undefined;
    await Promise.all([
      releaseReservation(ports, admitted, refusal.code, { kmsRequestId, openAiFailure }),
      report(ports, site, refusal, openAiFailure, session),
    ]);
    throw error instanceof DependencyUnavailableError ? error : refusal;
  }
};

const toBrokerError = (error: unknown): BrokerError => {
  if (error instanceof OpenAiFailure) return brokerErrorOfOpenAiFailure(error);
  if (error instanceof SealedKeyUnreadableError) return new BrokerError('openai_key_unreadable');
  if (error instanceof BrokerError) return error;
  return new BrokerError('unavailable');
};

/** Marks the session refused, frees its slots and its minutes. Best effort: leases expire, and silent sessions are closed. */
const releaseReservation = async (
  ports: MintPorts,
  admitted: Admitted,
  refusal: string,
  facts: {
    readonly kmsRequestId?: string | undefined;
    readonly openAiFailure?: OpenAiFailure | undefined;
  } = {},
): Promise<void> => {
  const { clock, sessions } = ports;
  const { kmsRequestId, openAiFailure } = facts;
  await Promise.allSettled([
    sessions.settle(admitted.session, {
      state: 'refused',
      at: clock().toISOString(),
      refusal,
      ...(kmsRequestId !== undefined && { kmsRequestId }),
      ...(openAiFailure !== undefined && { openAiFailure: openAiFailure.reason }),
      ...(openAiFailure?.requestId !== undefined && { openAiRequestId: openAiFailure.requestId }),
    }),
    freeCapacity(ports, admitted),
  ]);
};

const freeCapacity = async (
  { slots, sessionUsage }: MintPorts,
  { session, leases, usage }: Admitted,
): Promise<void> => {
  await Promise.allSettled([
    slots.release(session.workspaceId, leases),
    // Its first revision was written with the reservation.
    usage && sessionUsage.saveUsage({ ...usage, revision: 1, posted: entryOf(usage), silent: true }),
  ]);
};

/** The operator's list. A failure to write it must not turn an honest refusal into another one. */
const report = async (
  { clock, errors }: MintPorts,
  site: Site,
  refusal: BrokerError,
  failure: OpenAiFailure | undefined,
  session: ReservedSession | undefined,
): Promise<void> => {
  await Promise.allSettled([
    errors.report({
      workspaceId: site.workspaceId,
      siteId: site.siteId,
      code: refusal.code,
      source: 'mint',
      openAiFailure: failure?.reason,
      message: failure === undefined ? refusal.code : explainOpenAiFailure(failure).message,
      sessionId: session?.sessionId,
      at: clock().toISOString(),
    }),
  ]);
};

/**
 * Hop 4, awaited before the answer: a secret that is not on record is thrown away, its slot comes back, and its session
 * stays an open intent.
 */
const settleIssued = async (
  ports: MintPorts,
  admitted: Admitted,
  { clientSecret, kmsRequestId }: Minted,
): Promise<void> => {
  const { clock, sessions } = ports;
  const { session } = admitted;
  const at = clock().toISOString();
  const { openAiRequestId, openAiSessionId } = clientSecret;
  const outcome: SessionOutcome = {
    state: 'issued',
    at,
    ...(kmsRequestId !== undefined && { kmsRequestId }),
    ...(openAiRequestId !== undefined && { openAiRequestId }),
    ...(openAiSessionId !== undefined && { openAiSessionId }),
  };
  const [settled] = await Promise.allSettled([
    sessions.settle(session, outcome),
    // When a key was last used is good to know, and no reason to refuse a visitor.
    sessions.noteKeyUse(session, at),
  ]);
  if (settled.status === 'fulfilled') return;
  await freeCapacity(ports, admitted);
  throw settled.reason instanceof ConflictError ? new BrokerError('unavailable') : settled.reason;
};
