import { ConflictError } from '../domain/dependency.ts';
import type { RandomBytes } from '../domain/identifiers.ts';
import { Refusal } from '../domain/refusal.ts';
import {
  freeSlots,
  leaseExpiry,
  type ReservedSession,
  type SlotLease,
  secondsUntilFree,
  takenSlots,
} from '../domain/session.ts';
import type { Site } from '../domain/workspace.ts';
import type { SessionLog, TokenContextReader } from './ports.ts';

/** Races lost before we say busy: each means that another visitor got a slot, so the service as a whole advances. */
const MAX_ATTEMPTS = 8;

/**
 * Puts the session on record and takes one free slot for it, both in one write. Never more sessions than `limit`:
 * the write is conditional on the slot being free, whatever was read before. `busy` names the second at which the
 * earliest lease ends.
 */
export const takeSlot = async (
  ports: {
    readonly sessions: SessionLog;
    readonly contexts: TokenContextReader;
    readonly random: RandomBytes;
  },
  request: {
    readonly session: ReservedSession;
    readonly site: Site;
    readonly limit: number | undefined;
    readonly leases: readonly SlotLease[];
    readonly now: Date;
  },
): Promise<{ readonly lease: SlotLease | undefined; readonly remainingSlots: number | null }> => {
  const { session, site, limit, now } = request;
  if (limit === undefined) {
    await ports.sessions.reserve(session, undefined, now);
    return { lease: undefined, remainingSlots: null };
  }
  const expiresAt = leaseExpiry(now, site.clientSecretTtlSeconds, site.maxDurationSeconds);
  let { leases } = request;
  for (let attempt = 1; ; attempt++) {
    const taken = takenSlots(leases, session.fingerprint, now);
    const free = freeSlots(taken, limit);
    const index = free[ports.random(4).readUInt32BE() % Math.max(1, free.length)];
    if (index === undefined || attempt > MAX_ATTEMPTS)
      throw new Refusal('busy', { retryAfterSeconds: secondsUntilFree(taken, limit, now) });
    const lease: SlotLease = {
      fingerprint: session.fingerprint,
      index,
      sessionId: session.sessionId,
      expiresAt,
    };
    try {
      await ports.sessions.reserve(session, lease, now);
      return { lease, remainingSlots: limit - taken.length - 1 };
    } catch (error) {
      if (!(error instanceof ConflictError)) throw error;
      leases = await ports.contexts.readLeases(session.workspaceId);
    }
  }
};
