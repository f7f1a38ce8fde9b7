import { BrokerError } from '../../domain/broker-error.ts';
import { switchState } from '../../domain/keys/key-lifecycle.ts';
import { isLive, type LiveKey, PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import { endManagedCalls, type ManagedCallPorts } from '../calls/end-managed-calls.ts';
import { refuseConflict } from '../conflicts.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';
import { keyFacts } from './key-facts.ts';

/** A kill switch must not lose to a key that is stored at the same moment. */
const MAX_ATTEMPTS = 5;

export interface SwitchPlatformKeyPorts extends ManagedCallPorts {
  readonly keys: KeyStore;
  readonly auditEvents: AuditEventFactory;
  readonly clock: Clock;
  readonly backOff: BackOff;
  /** Resolves when every request that had read the key before has ended. */
  readonly settled: () => Promise<void>;
}

/**
 * The kill switch of the managed key, and its reverse: an operator's command. A suspended key opens no session, starting with the next
 * request, and the calls on it are ended in every workspace; sessions on own keys continue. Repeating it changes nothing and
 * ends the remaining calls of an interrupted run. Returns the number of workspaces in which calls are being ended.
 *
 * @throws BrokerError `openai_key_not_stored` if there is no such key.
 */
export const switchPlatformKey =
  (ports: SwitchPlatformKeyPorts) =>
  async (caller: Caller, state: LiveKey['state']): Promise<number> => {
    await retryOnConflict(ports.backOff, MAX_ATTEMPTS, () => changeState(ports, caller, state));
    if (state === 'active') return 0;
    const first = await endManagedCalls(ports, undefined, 'key_suspended');
    // The first request of a workspace may have read the key before the first pass, and be admitted after it.
    await ports.settled();
    const late = await endManagedCalls(ports, undefined, 'key_suspended', first);
    return first.length + late.length;
  };

const changeState = async (
  { keys, auditEvents, clock }: SwitchPlatformKeyPorts,
  caller: Caller,
  state: LiveKey['state'],
): Promise<void> => {
  const current = await keys.readKey(PLATFORM_ADDRESS);
  if (!isLive(current)) throw new BrokerError('openai_key_not_stored');
  if (current.state === state) return;
  const change = switchState(current, state, { at: clock().toISOString(), by: caller.sub });
  const event = await auditEvents.event(caller, state === 'suspended' ? 'key.suspended' : 'key.resumed', {
    workspaceId: PLATFORM_ADDRESS.workspaceId,
    facts: keyFacts(PLATFORM_ADDRESS.scope, current, change),
  });
  await refuseConflict(keys.changeKey(PLATFORM_ADDRESS, change, event));
};
