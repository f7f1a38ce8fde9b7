import { createHash } from 'node:crypto';
import { ownPartOf, type SessionId, type SiteId } from '../identifiers.ts';

/**
 * One of the concurrency slots of a pool. A pool is an OpenAI key within one workspace; with a fair share, each site
 * also has a separate pool, and a session takes a slot in both.
 */
export interface SlotRef {
  readonly pool: string;
  readonly index: number;
}

/** How long a slot is taken. */
interface SlotTime {
  /** Unix seconds. The slot is free from that second, even if the item is not deleted yet. */
  readonly expiresAt: number;
  /** When the session is expected to end unless it shows signs of life, unix seconds; undefined: with the lease. */
  readonly expectedUntil?: number | undefined;
}

/** A lease as its session knows it. */
export interface SlotLease extends SlotRef, SlotTime {
  readonly sessionId: SessionId;
}

/** A lease as it is written when a session takes the slot. */
export interface NewLease extends SlotLease {
  /** Tag of the client address (`addressTagOf`). */
  readonly address: string;
}

/** A lease as it is read. It is kept short, so it names the session and the address by tags. */
export interface TakenSlot extends SlotRef, SlotTime {
  /** Tag of the session (`holderTagOf`). */
  readonly holder: string;
  /** Tag of the client address (`addressTagOf`). */
  readonly address: string;
}

/** A session, and the slots that it took at its admission. */
export interface SlotHolder {
  readonly sessionId: SessionId;
  readonly slots: readonly SlotRef[];
}

/** A pool, and the number of concurrent sessions that it admits. */
export interface SlotPool {
  readonly pool: string;
  readonly limit: number;
}

/**
 * Hex digits of a fingerprint that name its pool: 24 bits. Every admission reads all leases, so they are kept short. Two keys
 * of one workspace with the same name, one pair in 16 million, share their slots: fewer sessions than allowed, never more.
 */
const POOL_DIGITS = 6;

/** The name of a key's own pool of slots: four characters. */
export const keyPoolOf = (fingerprint: string): string =>
  Buffer.from(fingerprint.slice(0, POOL_DIGITS), 'hex').toString('base64url');

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
  // Leases are stored by workspace, so the name needs only the part of the ID that differs between its sites.
  return [key, { pool: `${key.pool}#${ownPartOf(siteId)}`, limit: share }];
};

/** Time that a browser has to connect and report it after its client secret expires, seconds. */
const CONNECT_GRACE_SECONDS = 30;

/** Returns when the slot of a session minted now is released unless the widget reports, unix seconds. */
export const leaseExpiry = (now: Date, clientSecretTtlSeconds: number): number =>
  Math.floor(now.getTime() / 1_000) + clientSecretTtlSeconds + CONNECT_GRACE_SECONDS;

/** Hex, 24 bits of a keyed hash: enough to distinguish the visitors of one key. */
export const addressTagOf = (ipHash: string): string => ipHash.slice(0, 6);

/**
 * Hex, 32 bits: enough to tell a session from the one that holds the same slot after it. A session never takes a slot from
 * one with the same tag (dynamodb-admission.ts). To find the leases of a session, compare its slots as well (`isHeldBy`).
 */
export const holderTagOf = (sessionId: SessionId): string =>
  createHash('sha256').update(sessionId).digest('hex').slice(0, 8);

/** Whether the lease is one that this session took and still has. Compares the slot first, so few leases need the hash. */
export const isHeldBy = (lease: TakenSlot, { sessionId, slots }: SlotHolder): boolean =>
  slots.some(({ pool, index }) => pool === lease.pool && index === lease.index) &&
  lease.holder === holderTagOf(sessionId);

/** The slots of `pool` that are taken at `now`. */
export const occupiedSlots = (leases: readonly TakenSlot[], pool: string, now: Date): TakenSlot[] =>
  leases.filter((lease) => lease.pool === pool && lease.expiresAt * 1_000 > now.getTime());

/**
 * Indices that a new session may take, in ascending order; none when as many sessions as `limit` run.
 *
 * Sessions from before a limit was lowered may hold indices beyond it. As many of the indices below it stay closed, so that
 * all who choose among the open ones at the same time still do not exceed the limit together.
 */
export const freeSlots = (taken: readonly SlotRef[], limit: number): number[] => {
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
export const secondsUntilFree = (taken: readonly SlotTime[], limit: number, now: Date): number => {
  if (taken.length < limit) return 1;
  const ends = taken
    .map(({ expiresAt, expectedUntil = expiresAt }) => Math.min(expectedUntil, expiresAt))
    .sort((a, b) => a - b);
  const decisive = ends[taken.length - limit];
  return decisive === undefined ? 1 : Math.max(1, Math.ceil(decisive - now.getTime() / 1_000));
};
