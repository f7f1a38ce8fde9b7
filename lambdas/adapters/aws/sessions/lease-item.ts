import * as z from 'zod';
import type { SessionId } from '../../../domain/identifiers.ts';
import type { SlotLease } from '../../../domain/sessions/slots.ts';

/**
 * A lease as it is stored. Every admission reads all leases of its workspace, so the item is as small as it can be: pool and
 * index are its sort key, the session id is without its prefix, and what else is known of the session is in its LIVE item.
 * `s`: session, `a`: tag of the address, `e`: until when it is expected to last, `expires_at`: from when the slot is free.
 */

const PREFIX = 'ses_';

/** The session as a lease names it. */
export const leaseHolder = (sessionId: SessionId): string => sessionId.slice(PREFIX.length);

/** True if the lease belongs to the session, in the current or the older, larger format. */
export const HELD_BY_SESSION = '(s = :holder OR sessionId = :session)';

export const holderValues = (sessionId: SessionId) => ({
  ':holder': leaseHolder(sessionId),
  ':session': sessionId,
});

export const leaseAttributes = ({ sessionId, address, expectedUntil, expiresAt }: SlotLease) => ({
  s: leaseHolder(sessionId),
  ...(address !== undefined && { a: address }),
  ...(expectedUntil !== undefined && { e: expectedUntil }),
  expires_at: expiresAt,
});

/** The index after the last `#`. The pool before it can contain a `#` if a site has a share. */
const PLACE = /^(?<pool>.+)#(?<index>\d+)$/;

export const leaseItem: z.ZodType<SlotLease> = z
  .object({
    sk: z.string().regex(PLACE),
    s: z.string().optional(),
    /** Attributes of leases in the older, larger format. They are gone an hour after a deployment. */
    sessionId: z.string().optional(),
    a: z.string().optional(),
    e: z.number().optional(),
    expires_at: z.number(),
  })
  .transform(({ sk, s, sessionId, a, e, expires_at: expiresAt }) => {
    const { pool = '', index = '' } = PLACE.exec(sk)?.groups ?? {};
    return {
      pool,
      index: Number(index),
      sessionId: (sessionId ?? `${PREFIX}${s}`) as SessionId,
      address: a,
      expectedUntil: e,
      expiresAt,
    };
  });
