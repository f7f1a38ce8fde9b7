import type { AuditEventType, AuditFacts } from '../domain/audit-record.ts';
import { type Hand, type KeyChange, versionsShreddedBy } from '../domain/key-lifecycle.ts';
import { Refusal } from '../domain/refusal.ts';
import type { KeyScope } from '../domain/sealed-key.ts';
import { isLive, type KeyAddress, type LiveKey, type StoredKey } from '../domain/stored-key.ts';
import type { Caller } from '../domain/workspace.ts';
import { type AuthorizedKeyTarget, authorizeKeyTarget, type KeyTarget } from './key-target.ts';
import type { Clock, Journal, KeyStore, MembershipReader } from './ports.ts';
import { refuseConflict } from './save-member.ts';

export interface KeyChangePorts {
  readonly tenancy: MembershipReader;
  readonly keys: KeyStore;
  readonly journal: Journal;
  readonly clock: Clock;
}

export type DecideKeyChange = (
  head: LiveKey,
  hand: Hand,
  authorized: AuthorizedKeyTarget,
) => Promise<KeyChange | undefined> | KeyChange | undefined;

/**
 * The frame of every change to a key that is already stored: authorize as admin, read the head, carry out what `decide`
 * says together with its audit event. `decide` answers undefined when there is nothing to do. Two people at once: one
 * wins, the other gets `version_conflict`.
 */
export const changeStoredKey = async (
  ports: KeyChangePorts,
  caller: Caller,
  target: KeyTarget,
  type: AuditEventType,
  decide: DecideKeyChange,
): Promise<{ readonly head: LiveKey; readonly address: KeyAddress }> => {
  const authorized = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
  const { address, siteId } = authorized;
  const head = await ports.keys.readKey(address);
  if (!isLive(head)) throw new Refusal('openai_key_not_stored');
  const change = await decide(head, { at: ports.clock().toISOString(), by: caller.sub }, authorized);
  if (change === undefined) return { head, address };
  const event = await ports.journal.event(caller, type, {
    workspaceId: address.workspaceId,
    siteId,
    facts: keyFacts(address.scope, head, change),
  });
  await refuseConflict(ports.keys.changeKey(address, change, event));
  return { head: isLive(change.head) ? change.head : head, address };
};

/** What the audit trail says of a change: versions before and after, and those that nothing can open any more. */
export const keyFacts = (scope: KeyScope, before: StoredKey | undefined, change: KeyChange): AuditFacts => {
  const { head } = change;
  const shredded = versionsShreddedBy(before, change);
  return {
    scope,
    ...(isLive(before) && { version_before: before.sealed.version }),
    ...(isLive(head) && { version: head.sealed.version, masked: head.sealed.masked }),
    ...(shredded.length > 0 && { versions_shredded: shredded.join(',') }),
  };
};
