import type { SessionId, SiteId } from '../identifiers.ts';

/**
 * One of the concurrency slots of a pool. A pool is an OpenAI key within one workspace; with a fair share, each site
 * also has a separate pool, and a session takes a slot in both.
 */
export interface SlotRef {
  readonly pool: string;
  readonly index: number;
}

export interface SlotLease extends SlotRef {
  readonly sessionId: SessionId;
  /** Truncated hash of the client address (`addressTagOf`). Absent on leases written before this field existed. */
  readonly address?: string | undefined;
  /** Unix seconds. The slot is free from that second, even if the item is not deleted yet. */
  readonly expiresAt: number;
  /** When the session is expected to end unless it shows signs of life, unix seconds; undefined: with the lease. */
  readonly expectedUntil?: number | undefined;
}

/** A pool, and the number of concurrent sessions that it admits. */
export interface SlotPool {
  readonly pool: string;
  readonly limit: number;
}

/** Enough of a fingerprint to distinguish the keys of one workspace: 48 bits. Every admission reads all leases. */
const POOL_DIGITS = 12;

/** The name of a key's own pool of slots. */
export const keyPoolOf = (fingerprint: string): string => fingerprint.slice(0, POOL_DIGITS);

/**
 * The pools that a session of `siteId` takes a slot in; none without a limit. `sharePercent` is the largest share of
 * a key's slots for one site, at least one slot; null: all of them.
 */
export const poolsOf = (
  fingerprint: string,
  siteId: SiteId,
  limit: number | undefined,
  sharePercent: number | null,
): readonly SlotPool[] => {
  if (limit === undefined) return [];
  const key = { pool: keyPoolOf(fingerprint), limit };
  if (sharePercent === null) return [key];
  const share = Math.max(1, Math.floor((limit * sharePercent) / 100));
  return [key, { pool: `${key.pool}#${siteId}`, limit: share }];
};

/** Time that a browser has to connect and report it after its client secret expires, seconds. */
const CONNECT_GRACE_SECONDS = 30;

/** Returns when the slot of a session minted now is released unless the widget reports, unix seconds. */
export const leaseExpiry = (now: Date, clientSecretTtlSeconds: number): number =>
  Math.floor(now.getTime() / 1_000) + clientSecretTtlSeconds + CONNECT_GRACE_SECONDS;

/** Enough of a keyed hash to distinguish the visitors of one key. Every mint reads all leases, so they are short. */
export const addressTagOf = (ipHash: string): string => ipHash.slice(0, 8);

/** The slots of `pool` that are taken at `now`. */
export const occupiedSlots = (leases: readonly SlotLease[], pool: string, now: Date): SlotLease[] =>
  leases.filter((lease) => lease.pool === pool && lease.expiresAt * 1_000 > now.getTime());

/**
 * Indices that a new session may take, in ascending order; none when as many sessions as `limit` run.
 *
 * Sessions from before a limit was lowered may hold indices beyond it. As many of the indices below it stay closed, so that
 * all who choose among the open ones at the same time still do not exceed the limit together.
 */
export const freeSlots = (taken: readonly SlotLease[], limit: number): number[] => {
  if (taken.length >= limit) return [];
  const held = new Set(taken.map(({ index }) => index));
  let open = limit;
  while (open > 0 && open + taken.filter(({ index }) => index >= open).length > limit) open--;
  // Allocated at its full length: a limit may be a thousand, and every mint makes this list.
  const free = new Array<number>(open);
  let count = 0;
  for (let index = 0; index < open; index++) if (!held.has(index)) free[count++] = index;
  free.length = count;
  return free;
};

/** Whole seconds, at least 1, until this many of `taken` have expired that fewer than `limit` are left. */
export const secondsUntilFree = (taken: readonly SlotLease[], limit: number, now: Date): number => {
  if (taken.length < limit) return 1;
  const ends = taken
    .map(({ expiresAt, expectedUntil = expiresAt }) => Math.min(expectedUntil, expiresAt))
    .sort((a, b) => a - b);
  const decisive = ends[taken.length - limit];
  return decisive === undefined ? 1 : Math.max(1, Math.ceil(decisive - now.getTime() / 1_000));
};
