import type { AuditEventType } from '../../domain/audit/audit-record.ts';
import { BrokerError } from '../../domain/broker-error.ts';
import type { ChangeStamp, KeyChange } from '../../domain/keys/key-lifecycle.ts';
import { isLive, type KeyAddress, type LiveKey } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { keyFacts } from './key-facts.ts';
import { type AuthorizedKeyTarget, authorizeKeyTarget, type KeyTarget } from './key-target.ts';

export interface KeyChangePorts {
  readonly tenancy: MembershipReader;
  readonly keys: KeyStore;
  readonly auditEvents: AuditEventFactory;
  readonly clock: Clock;
}

export type DecideKeyChange = (
  currentKey: LiveKey,
  stamp: ChangeStamp,
  authorized: AuthorizedKeyTarget,
) => Promise<KeyChange | undefined> | KeyChange | undefined;

/**
 * The frame of every change to a stored key: authorize as admin, read the head, carry out the change from `decide`
 * together with its audit event. `decide` returns undefined when there is nothing to do. Two people at once: one
 * succeeds, the other gets `version_conflict`.
 */
export const changeStoredKey = async (
  ports: KeyChangePorts,
  caller: Caller,
  target: KeyTarget,
  type: AuditEventType,
  decide: DecideKeyChange,
): Promise<{ readonly currentKey: LiveKey; readonly address: KeyAddress }> => {
  const authorized = await authorizeKeyTarget(ports.tenancy, caller, target, 'admin');
  const { address, siteId } = authorized;
  const currentKey = await ports.keys.readKey(address);
  if (!isLive(currentKey)) throw new BrokerError('openai_key_not_stored');
  const change = await decide(currentKey, { at: ports.clock().toISOString(), by: caller.sub }, authorized);
  if (change === undefined) return { currentKey, address };
  const event = await ports.auditEvents.event(caller, type, {
    workspaceId: address.workspaceId,
    siteId,
    facts: keyFacts(address.scope, currentKey, change),
  });
  await refuseConflict(ports.keys.changeKey(address, change, event));
  return { currentKey: isLive(change.currentKey) ? change.currentKey : currentKey, address };
};
