import { BrokerError } from '../../domain/broker-error.ts';
import { type CurrentBudget, currentBudget } from '../../domain/budgets/budget.ts';
import { highestCostOfResponse } from '../../domain/budgets/response-bound.ts';
import { OPENING_LEASE_SECONDS } from '../../domain/calls/call.ts';
import { type KeyUse, newKeyUse } from '../../domain/calls/key-use.ts';
import { ConflictError } from '../../domain/dependency.ts';
import type { RandomBytes, SessionId, SiteId } from '../../domain/identifiers.ts';
import { FIRST_HOLD_SECONDS, holdsOfAddress, slotsOfAddress } from '../../domain/limits.ts';
import { secondsLeft } from '../../domain/sessions/embed-token.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import {
  HEARTBEAT_SECONDS,
  newSessionUsage,
  type SessionUsage,
  SILENCE_SECONDS,
} from '../../domain/sessions/session-usage.ts';
import {
  addressTagOf,
  freeSlots,
  isHeldBy,
  leaseExpiry,
  type NewLease,
  occupiedSlots,
  type SlotHolder,
  type SlotPool,
  secondsUntilFree,
  type TakenSlot,
} from '../../domain/sessions/slots.ts';
import type { QuotaReservation, TokenContext } from '../../domain/sessions/token-context.ts';
import { firstMessagePrompt } from '../../domain/tenancy/first-message.ts';
import { secondsToNextPeriod } from '../../domain/tenancy/plan.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import { priceOf } from '../../domain/usage/price-catalogue.ts';
import { refuseExhausted } from '../budgets/refuse-exhausted.ts';
import type { BackOff } from '../ports/runtime.ts';
import type { EmbedTags, SessionAdmitter, TokenContextReader } from '../ports/sessions.ts';
import type { VisitorWrite } from '../ports.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { refuseVisitor } from './check-visitor.ts';

/** Conflicts before the answer is `busy`. In each of them another visitor was admitted, so the service makes progress. */
const MAX_ATTEMPTS = 8;

/** The longest wait in the answer when every slot is taken, seconds; the contract's limit. */
const LONGEST_BUSY_SECONDS = 60;

/** The fewest seconds of a hard-capped plan with which a session begins. */
const SHORTEST_SESSION_SECONDS = 5;

export interface AdmissionRequest {
  readonly session: ReservedSession & { readonly siteId: SiteId };
  readonly site: Site;
  /** The key's own pool first. */
  readonly pools: readonly SlotPool[];
  /** The share of the key's slots that one address may hold, percent. */
  readonly addressSlotPercent: number;
  /** The seconds that a hard-capped plan includes in a period; undefined: no such plan. */
  readonly capSeconds: number | undefined;
  readonly capacity: Pick<TokenContext, 'leases' | 'period' | 'budgets' | 'embed'>;
  /** The visitor whom an embed token named; undefined without one. */
  readonly visitor: VisitorWrite | undefined;
  /** The time zone of the workspace, which determines the periods of its budgets. */
  readonly timeZone: string;
  /** The session whose slots this one takes over; undefined: none. */
  readonly replaced: SlotHolder | undefined;
  /** The session that the page named as its own; undefined: none. */
  readonly successorOf?: SessionId | undefined;
  readonly now: Date;
}

export interface Admitted {
  readonly session: ReservedSession & { readonly siteId: SiteId };
  readonly leases: readonly NewLease[];
  /** The session usage of a call or of a managed session; otherwise undefined. */
  readonly usage: SessionUsage | undefined;
  /** The intent to open the key for a call; undefined for a token, whose session is the intent. */
  readonly use: KeyUse | undefined;
  /** null when the key has no limit on concurrent sessions. */
  readonly remainingSlots: number | null;
}

/**
 * Records the session, takes one free slot of every pool and sets minutes of a hard-capped plan aside, all in one
 * write. The write is conditional, so that limits and hard caps hold, whatever was
 * read before. `busy` names the second at which the earliest lease ends, or a minute. The limit of one address is checked against
 * what was read: concurrent requests can pass it together, at most as many as its budget admits in a second.
 */
export const admitSession = async (
  ports: {
    readonly admissions: SessionAdmitter;
    readonly contexts: TokenContextReader;
    readonly random: RandomBytes;
    readonly backOff: BackOff;
  },
  request: AdmissionRequest,
): Promise<Admitted> => {
  const { pools, session, now } = request;
  let { capacity } = request;
  try {
    // With pools, the attempt after the last answers `busy`; without pools there is no slot to wait for.
    return await retryOnConflict(
      ports.backOff,
      MAX_ATTEMPTS + (pools.length > 0 ? 1 : 0),
      async (attempt) => {
        if (attempt > 1)
          capacity = await ports.contexts.readCapacity(
            session.workspaceId,
            session.siteId,
            now,
            tagsOf(request.visitor),
          );
        if (attempt > 1 && request.visitor !== undefined) refuseVisitor(request.visitor, capacity.embed, now);
        const budgets = budgetsFor(request, capacity);
        const chosen = chooseSlots(ports.random, request, capacity, attempt);
        const admitted = admissionAt(ports.random, request, chosen, capacity, budgets);
        await ports.admissions.admit(
          {
            session: admitted.session,
            leases: admitted.leases,
            hold: reservationOf(admitted.usage, request.capSeconds),
            use: admitted.use,
            budgets,
            visitor: request.visitor,
            replaced: request.replaced?.sessionId,
            successorOf: request.successorOf,
          },
          now,
        );
        return admitted;
      },
    );
  } catch (error) {
    throw error instanceof ConflictError ? new BrokerError('unavailable') : error;
  }
};

const tagsOf = (visitor: VisitorWrite | undefined): Partial<EmbedTags> | undefined =>
  visitor && { visitor: visitor.tag, ...(visitor.token !== undefined && { token: visitor.token.tag }) };

/** The budgets that the session counts against: only own keys have any. Refuses if one is spent. */
const budgetsFor = (
  { session, site, timeZone, now, replaced }: AdmissionRequest,
  { budgets }: Pick<TokenContext, 'budgets'>,
): readonly CurrentBudget[] => {
  if (session.mode !== 'byok') return [];
  const current = budgets.map((budget) => currentBudget(budget, now, timeZone));
  const price = priceOf(session.model, now, session.dataResidency ?? 'global');
  const first =
    price &&
    highestCostOfResponse(price, {
      // The first message is part of the first response; a call that replaces another has none.
      instructions: `${site.instructions}${(replaced === undefined && firstMessagePrompt(site.conversation)) || ''}`,
      turnMs: 0,
      maxOutputTokens: site.conversation.maxOutputTokens,
    });
  refuseExhausted(current, now, timeZone, first);
  return current;
};

/** True for a call whose every response must be reserved: its watcher asks for them one by one. */
const isTurnByTurn = ({ openedWith }: ReservedSession, budgets: readonly CurrentBudget[]): boolean =>
  openedWith === 'call' && budgets.some(({ action }) => action === 'never_exceed');

interface ChosenSlot {
  readonly pool: string;
  readonly index: number;
  readonly remaining: number;
}

/** Returns a free slot of each pool. `busy` names the second from which no pool is full. */
const chooseSlots = (
  random: RandomBytes,
  { session, now, pools, addressSlotPercent, capSeconds, replaced }: AdmissionRequest,
  read: Pick<TokenContext, 'leases' | 'period'>,
  attempt: number,
): readonly ChosenSlot[] => {
  const isReplaced = (lease: TakenSlot): boolean => replaced !== undefined && isHeldBy(lease, replaced);
  const leases = read.leases.filter((lease) => !isReplaced(lease));
  const waits: number[] = [];
  const chosen = pools.flatMap(({ pool, limit }): readonly ChosenSlot[] => {
    const taken = occupiedSlots(leases, pool, now);
    const free = freeSlots(taken, limit);
    const moved = read.leases.find((lease) => lease.pool === pool && isReplaced(lease))?.index;
    const index =
      free.find((one) => one === moved) ?? free[random(4).readUInt32BE() % Math.max(1, free.length)];
    if (index !== undefined && attempt <= MAX_ATTEMPTS)
      return [{ pool, index, remaining: limit - taken.length - 1 }];
    waits.push(secondsUntilFree(taken, limit, now));
    return [];
  });
  // Sessions may end before their leases, so a visitor asks again within a minute.
  if (waits.length > 0)
    throw new BrokerError('busy', {
      retryAfterSeconds: Math.min(LONGEST_BUSY_SECONDS, Math.max(...waits)),
    });
  const [key] = pools;
  if (key !== undefined) {
    const mine = addressTagOf(session.ipHash);
    const own = occupiedSlots(leases, key.pool, now).filter(({ address }) => address === mine);
    const slots = slotsOfAddress(key.limit, addressSlotPercent);
    const share =
      capSeconds === undefined
        ? slots
        : Math.min(slots, holdsOfAddress(capSeconds - read.period.usedSeconds, addressSlotPercent));
    if (own.length >= share)
      throw new BrokerError('rate_limited', { retryAfterSeconds: secondsUntilFree(own, share, now) });
  }
  return chosen;
};

const admissionAt = (
  random: RandomBytes,
  { session, site, capSeconds, visitor, now }: AdmissionRequest,
  chosen: readonly ChosenSlot[],
  { period, embed }: Pick<TokenContext, 'period' | 'embed'>,
  budgets: readonly CurrentBudget[],
): Admitted => {
  const isCall = session.openedWith === 'call';
  const nowSeconds = Math.floor(now.getTime() / 1_000);
  const connectBy = isCall
    ? nowSeconds + OPENING_LEASE_SECONDS
    : leaseExpiry(now, site.clientSecretTtlSeconds);
  const maxDurationSeconds = Math.min(
    capSeconds === undefined ? site.maxDurationSeconds : longestSeconds(site, capSeconds, period, now),
    (visitor && secondsLeft(visitor.limits, embed.visitorDay)) ?? Number.POSITIVE_INFINITY,
  );
  // The first hold is short and grows while the session continues, so that no session reserves seconds that it may never use.
  const holdSeconds = capSeconds === undefined ? 0 : Math.min(maxDurationSeconds, FIRST_HOLD_SECONDS);
  const admitted = {
    ...session,
    admission: {
      maxDurationSeconds,
      holdSeconds,
      connectBy,
      slots: chosen.map(({ pool, index }) => ({ pool, index })),
      ...(isTurnByTurn(session, budgets) && { turnByTurn: true }),
    },
  };
  return {
    session: admitted,
    leases: chosen.map(({ pool, index }) => ({
      pool,
      index,
      sessionId: session.sessionId,
      address: addressTagOf(session.ipHash),
      expiresAt: connectBy,
      ...(isCall && { expectedUntil: nowSeconds + SILENCE_SECONDS }),
    })),
    // A managed session has one from the start, so that the sweeper finds it if it never reports.
    usage: isCall || session.mode === 'managed' ? newSessionUsage(admitted) : undefined,
    use: isCall
      ? newKeyUse(admitted, { scope: session.keyScope, version: session.keyVersion }, 'call', now, random)
      : undefined,
    remainingSlots: chosen.length === 0 ? null : Math.min(...chosen.map(({ remaining }) => remaining)),
  };
};

/** The longest session of the site, or the rest of the plan if this is less. */
const longestSeconds = (
  site: Site,
  capSeconds: number,
  { usedSeconds, committedSeconds }: TokenContext['period'],
  now: Date,
): number => {
  const left = capSeconds - committedSeconds;
  if (left >= SHORTEST_SESSION_SECONDS) return Math.min(site.maxDurationSeconds, left);
  // Seconds that running sessions hold may be released before the month ends.
  const usedUp = capSeconds - usedSeconds < SHORTEST_SESSION_SECONDS;
  throw new BrokerError('minutes_exhausted', {
    retryAfterSeconds: usedUp ? secondsToNextPeriod(now) : 3 * HEARTBEAT_SECONDS,
  });
};

const reservationOf = (
  usage: SessionUsage | undefined,
  capSeconds: number | undefined,
): QuotaReservation | undefined =>
  usage === undefined
    ? undefined
    : { usage, maxCommittedSeconds: capSeconds === undefined ? undefined : capSeconds - usage.holdSeconds };
