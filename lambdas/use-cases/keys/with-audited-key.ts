import { BrokerError } from '../../domain/broker-error.ts';
import { ConflictError } from '../../domain/dependency.ts';
import { newSessionId, type RandomBytes } from '../../domain/identifiers.ts';
import { SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import type { LiveKey } from '../../domain/keys/stored-key.ts';
import type { Secret } from '../../domain/secret.ts';
import type { ReservedSession, SessionKind, SessionOutcome } from '../../domain/sessions/session.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyOpener } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { PseudonymService, SessionLog } from '../ports/sessions.ts';
import type { AuthorizedKeyTarget } from './key-target.ts';
import { withOpenedKey } from './with-opened-key.ts';

export interface AuditedKeyPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly pseudonyms: Pick<PseudonymService, 'hashIp'>;
  readonly sessions: SessionLog;
  readonly opener: KeyOpener;
}

/** The outcome of a use, without the facts that withAuditedKey adds. */
export type UseOutcome = Omit<SessionOutcome, 'at' | 'kmsRequestId'>;

/**
 * Opens a stored key for a person, not a visitor: Test voice or re-encryption. The intent is recorded before KMS
 * is called and the outcome after it, as for a mint; it takes no slot and is never charged. A record that cannot be read
 * is refused as `openai_key_unreadable`.
 */
export const withAuditedKey =
  (ports: AuditedKeyPorts) =>
  async <Result>(
    caller: Caller,
    authorized: AuthorizedKeyTarget,
    key: LiveKey,
    kind: Exclude<SessionKind, 'visitor'>,
    use: (plaintext: Secret) => Promise<{ readonly result: Result; readonly outcome: UseOutcome }>,
  ): Promise<{ readonly result: Result; readonly session: ReservedSession }> => {
    const now = ports.clock();
    const session = await sessionOfPerson(ports, caller, authorized, key, kind, now);
    await orUnavailable(ports.sessions.reserve(session, now));
    let kmsRequestId: string | undefined;
    const settle = (outcome: UseOutcome): Promise<void> =>
      ports.sessions.settle(session, {
        ...outcome,
        at: ports.clock().toISOString(),
        ...(kmsRequestId !== undefined && { kmsRequestId }),
      });
    let used: { readonly result: Result; readonly outcome: UseOutcome };
    try {
      used = await withOpenedKey(ports)(session, key, use, (requestId) => {
        kmsRequestId = requestId;
      });
    } catch (error) {
      const unreadable = error instanceof SealedKeyUnreadableError;
      await Promise.allSettled([
        settle({ state: 'refused', refusal: unreadable ? 'openai_key_unreadable' : 'unavailable' }),
      ]);
      throw unreadable ? new BrokerError('openai_key_unreadable') : error;
    }
    // Separate from the use: an outcome that cannot be written leaves an open intent, never another outcome.
    await orUnavailable(settle(used.outcome));
    return { result: used.result, session };
  };

/** The session id is new, so a conflict can only follow a lost response to our own write: it is an outage. */
const orUnavailable = async (write: Promise<void>): Promise<void> => {
  try {
    await write;
  } catch (error) {
    throw error instanceof ConflictError ? new BrokerError('unavailable') : error;
  }
};

const sessionOfPerson = async (
  { random, pseudonyms }: AuditedKeyPorts,
  caller: Caller,
  { address, siteId, settings }: AuthorizedKeyTarget,
  key: LiveKey,
  kind: SessionKind,
  now: Date,
): Promise<ReservedSession> => ({
  sessionId: newSessionId(now, random),
  workspaceId: address.workspaceId,
  siteId,
  kind,
  mode: 'byok',
  keyScope: address.scope,
  keyScopeId: address.scopeId,
  keyVersion: key.sealed.version,
  fingerprint: key.sealed.fingerprint,
  model: settings.model,
  voice: settings.voice,
  ipHash: await pseudonyms.hashIp(caller.sourceIp, now),
  actor: caller.sub,
  origin: undefined,
  createdAt: now.toISOString(),
});
