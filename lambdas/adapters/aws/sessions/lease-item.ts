import * as z from 'zod';
import type { SessionId } from '../../../domain/identifiers.ts';
import { holderTagOf, type NewLease, type SlotRef, type TakenSlot } from '../../../domain/sessions/slots.ts';

/**
 * A lease as it is stored. Every admission reads all leases of its workspace, so the item is as small as it can be: 45 bytes,
 * 52 of a call. Pool and index are its sort key; the rest that is known of the session is in its LIVE item.
 * `s`: tags of the session and of the address, `e`: until when it is expected to last, `expires_at`: from when the slot is free.
 */

const HOLDER_BYTES = 4;

/** The session as its leases name it. */
export const leaseHolder = (sessionId: SessionId): Uint8Array => Buffer.from(holderTagOf(sessionId), 'hex');

/** True of a lease of the session. */
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
  index: Buffer.from(`${sortKey.slice(-INDEX_CHARACTERS)}A`, 'base64url').readUInt16BE(0) >> 4,
});

export const leaseItem: z.ZodType<TakenSlot> = z
  .object({
    sk: z.string().min(INDEX_CHARACTERS),
    s: z.instanceof(Uint8Array),
    e: z.number().optional(),
    expires_at: z.number(),
  })
  .transform(({ sk, s, e, expires_at: expiresAt }) => {
    const tags = Buffer.from(s).toString('hex');
    return {
      ...placeIn(sk),
      holder: tags.slice(0, 2 * HOLDER_BYTES),
      address: tags.slice(2 * HOLDER_BYTES),
      expectedUntil: e,
      expiresAt,
    };
  });
