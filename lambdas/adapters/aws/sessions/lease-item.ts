import * as z from 'zod';
import type { SessionId } from '../../../domain/identifiers.ts';
import { holderTagOf, type NewLease, type SlotRef, type TakenSlot } from '../../../domain/sessions/slots.ts';
import { indexOfShort } from '../table-keys.ts';

/**
 * A lease as it is stored. Every admission reads all leases of its workspace, so the item is as small as it can be: 45 bytes,
 * 52 of a call. Pool and index are its sort key; the rest that is known of the session is in its LIVE item.
 * `s`: tags of the session and of the address, `e`: until when it is expected to last, `expires_at`: from when the slot is free.
 */

const HOLDER_BYTES = 4;

/** The session as its leases name it. */
export const leaseHolder = (sessionId: SessionId): Uint8Array => Buffer.from(holderTagOf(sessionId), 'hex');

/** True if the lease belongs to the session. */
export const HELD_BY_SESSION = 'begins_with(s, :holder)';

export const holderValues = (sessionId: SessionId) => ({ ':holder': leaseHolder(sessionId) });

export const leaseAttributes = ({ sessionId, address, expectedUntil, expiresAt }: NewLease) => ({
  s: Buffer.from(`${holderTagOf(sessionId)}${address}`, 'hex'),
  ...(expectedUntil !== undefined && { e: expectedUntil }),
  expires_at: expiresAt,
});

const INDEX_CHARACTERS = 2;

const placeIn = (sortKey: string): SlotRef => ({
  pool: sortKey.slice(0, -INDEX_CHARACTERS),
  index: indexOfShort(sortKey.slice(-INDEX_CHARACTERS)),
});

interface StoredLease {
  readonly sk: string;
  readonly s: Uint8Array;
  readonly e?: number;
  readonly expires_at: number;
}

/** By hand, because a mint checks up to a thousand: an object schema takes three times as long. */
const isStoredLease = (item: unknown): item is StoredLease => {
  if (typeof item !== 'object' || item === null) return false;
  const { sk, s, e, expires_at: expiresAt }: Partial<Record<keyof StoredLease, unknown>> = item;
  return (
    typeof sk === 'string' &&
    sk.length >= INDEX_CHARACTERS &&
    placeIn(sk).index >= 0 &&
    s instanceof Uint8Array &&
    s.length > HOLDER_BYTES &&
    (e === undefined || typeof e === 'number') &&
    typeof expiresAt === 'number'
  );
};

export const leaseItem: z.ZodType<TakenSlot> = z
  .custom<StoredLease>(isStoredLease, 'This is no lease.')
  .transform(({ sk, s, e, expires_at: expiresAt }) => {
    const tags = Buffer.from(s.buffer, s.byteOffset, s.byteLength);
    return {
      ...placeIn(sk),
      holder: tags.toString('hex', 0, HOLDER_BYTES),
      address: tags.toString('hex', HOLDER_BYTES),
      expectedUntil: e,
      expiresAt,
    };
  });
