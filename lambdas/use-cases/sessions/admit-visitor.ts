import { BrokerError } from '../../domain/broker-error.ts';
import type { OpenedWith } from '../../domain/calls/control.ts';
import { newSessionId, type RandomBytes, type SessionId, type SiteId } from '../../domain/identifiers.ts';
import { brokerErrorOfDegradation } from '../../domain/keys/key-health.ts';
import { type RateLimits, secondsToNextMinute } from '../../domain/limits.ts';
import { fillInstructions } from '../../domain/sessions/embed-token.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import { freeSlots, occupiedSlots, poolsOf } from '../../domain/sessions/slots.ts';
import { managedConversation, OUTPUT_TOKENS } from '../../domain/tenancy/conversation.ts';
import type { Plan } from '../../domain/tenancy/plan.ts';
import { SESSION_DAYS } from '../../domain/tenancy/retention.ts';
import type { VisitedSite } from '../../domain/tenancy/workspace.ts';
import type { BackOff } from '../ports/runtime.ts';
import type { SessionAdmitter } from '../ports/sessions.ts';
import { type AdmissionRequest, type Admitted, admitSession } from './admit-session.ts';
import { type Arrival, type ArrivalPorts, spendSiteBudget, type VisitorRequest } from './arrive.ts';
import { checkVisitor, type KnownVisitor } from './check-visitor.ts';
import { chooseKey, type Payer } from './choose-key.ts';
import { type GiveBackPorts, giveBack } from './give-back.ts';
import { refusalOf } from './refusal-of.ts';
import { reportRefusal } from './report-refusal.ts';

export interface VisitorPorts extends ArrivalPorts, GiveBackPorts {
  readonly random: RandomBytes;
  readonly admissions: SessionAdmitter;
  readonly backOff: BackOff;
}

export interface VisitorSettings {
  readonly rateLimits: RateLimits;
  readonly plans: readonly Plan[];
  /** The share of a key's concurrency slots that one address may hold, percent. */
  readonly addressSlotPercent: number;
}

export interface AdmittedVisitor {
  readonly admitted: Admitted;
  readonly payer: Payer;
  /** The site with the instructions for this visitor's session. */
  readonly site: VisitedSite;
  readonly visitor: KnownVisitor | undefined;
}

/**
 * The common admission of tokens and calls. Chooses the key and reserves a session on it (hop 2): session, slot and minutes
 * in one write, in parallel with the site's rate limit. A refused request reaches neither KMS nor OpenAI.
 */
export const admitVisitor = async (
  ports: VisitorPorts,
  settings: VisitorSettings,
  request: VisitorRequest,
  { ipHash, site: configured, workspace, context, embedTags }: Arrival,
  openedWith: OpenedWith,
  now: Date,
  replaced?: Pick<ReservedSession, 'sessionId' | 'visitorTag' | 'admission'> & { readonly named?: SessionId },
): Promise<AdmittedVisitor> => {
  const visitor = await identify(ports, request, { site: configured, context, embedTags, replaced, now });
  const asked: VisitedSite = siteFor(configured, visitor);
  const payer = chooseKey(workspace, context, settings.plans, now);
  if ('refusal' in payer) {
    await spendSiteBudget(ports.limiter, settings.rateLimits.perSite, asked.siteId, now);
    await reportRefusal(ports, asked, { refusal: payer.refusal });
    throw payer.refusal;
  }
  const { sealed } = payer.key;
  const site: VisitedSite =
    payer.mode === 'managed' ? { ...asked, conversation: managedConversation(asked.conversation) } : asked;
  const session: ReservedSession & { readonly siteId: SiteId } = {
    sessionId: newSessionId(now, ports.random),
    workspaceId: site.workspaceId,
    siteId: site.siteId,
    kind: 'visitor',
    openedWith,
    mode: payer.mode,
    keyScope: sealed.scope,
    keyScopeId: sealed.scopeId,
    keyVersion: sealed.version,
    fingerprint: sealed.fingerprint,
    model: site.model,
    voice: site.voice,
    ...(site.conversation.maxOutputTokens !== OUTPUT_TOKENS.default && {
      maxOutputTokens: site.conversation.maxOutputTokens,
    }),
    dataResidency: site.dataResidency,
    ipHash,
    actor: 'visitor',
    ...(visitor !== undefined && { visitorTag: visitor.tag }),
    origin: request.origin,
    createdAt: now.toISOString(),
    ...(workspace.retention.sessionDays !== SESSION_DAYS.default && {
      keptDays: workspace.retention.sessionDays,
    }),
  };
  const admitted = await admit(ports, settings, {
    session,
    site,
    pools: poolsOf(sealed.fingerprint, site.siteId, payer.slotLimit, workspace.siteSharePercent),
    addressSlotPercent: settings.addressSlotPercent,
    capSeconds: payer.capSeconds,
    capacity: context,
    timeZone: workspace.timeZone,
    visitor,
    replaced: replaced && { sessionId: replaced.sessionId, slots: replaced.admission?.slots ?? [] },
    successorOf: replaced?.named,
    payer,
    siteCalls: context.siteCalls,
    now,
  });
  return { admitted, payer, site, visitor };
};

/** The visitor whom the site's server vouches for. A refusal reaches the operator's list before the visitor. */
const identify = async (
  ports: VisitorPorts,
  { embedToken }: VisitorRequest,
  {
    site,
    context,
    embedTags,
    replaced,
    now,
  }: Pick<Arrival, 'site' | 'context' | 'embedTags'> & {
    readonly replaced: Pick<ReservedSession, 'visitorTag'> | undefined;
    readonly now: Date;
  },
): Promise<KnownVisitor | undefined> => {
  try {
    return await checkVisitor(ports, {
      site,
      token: embedToken,
      tags: embedTags,
      facts: context.embed,
      replaced: replaced && { visitorTag: replaced.visitorTag },
      now,
    });
  } catch (error) {
    if (error instanceof BrokerError) await reportRefusal(ports, site, { refusal: error });
    throw error;
  }
};

/** Placeholders are filled only from embed tokens. A site without them keeps its instructions unchanged. */
const siteFor = (site: VisitedSite, visitor: KnownVisitor | undefined): VisitedSite =>
  visitor === undefined
    ? site
    : { ...site, instructions: fillInstructions(site.instructions, visitor.variables) };

interface Admitting extends AdmissionRequest {
  readonly site: VisitedSite;
  readonly payer: Payer;
  /** The requests that counted against the site's rate limit. */
  readonly siteCalls: number;
}

/** Checks the site's rate limit in parallel with the admission, which is released on a refusal. */
const admit = async (
  ports: VisitorPorts,
  settings: VisitorSettings,
  request: Admitting,
): Promise<Admitted> => {
  const { site, now, session } = request;
  const { perSite } = settings.rateLimits;
  // Known from hop 1, so that a flood costs only reads: no session, no slot, no row of the audit trail.
  if (request.siteCalls >= perSite.perMinute)
    throw new BrokerError('rate_limited', { retryAfterSeconds: secondsToNextMinute(now) });
  const degraded = refusalWhileDegraded(request);
  const [budget, admission] = await Promise.allSettled([
    spendSiteBudget(ports.limiter, perSite, site.siteId, now),
    degraded === undefined ? admitSession(ports, request) : Promise.reject(degraded),
  ]);
  if (budget.status === 'rejected') {
    if (admission.status === 'fulfilled')
      await giveBack(ports, admission.value, refusalOf(budget.reason, session.mode).code);
    throw budget.reason;
  }
  if (admission.status === 'rejected') {
    if (admission.reason instanceof BrokerError)
      await reportRefusal(ports, site, { refusal: admission.reason });
    throw admission.reason;
  }
  return admission.value;
};

/**
 * The error that a quorum of visitors met with this key, unless all slots are taken, which the contract reports first.
 */
const refusalWhileDegraded = ({ payer, pools, capacity, now }: Admitting): BrokerError | undefined => {
  if (payer.degradation === undefined) return undefined;
  const full = pools.some(
    ({ pool, limit }) => freeSlots(occupiedSlots(capacity.leases, pool, now), limit).length === 0,
  );
  return full ? undefined : brokerErrorOfDegradation(payer.degradation, now);
};
