import type { AuditEventType } from '../../domain/audit/audit-record.ts';
import { type MaskedKey, maskedViewOf } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyActivityReader } from '../ports/keys.ts';
import { changeStoredKey, type DecideKeyChange, type KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';

/** Like changeStoredKey, but returns the owner's view of the changed key. */
export const changeAndShowKey = async (
  ports: KeyChangePorts & { readonly activity: KeyActivityReader },
  ...change: [caller: Caller, target: KeyTarget, type: AuditEventType, decide: DecideKeyChange]
): Promise<MaskedKey> => {
  const { currentKey, address } = await changeStoredKey(ports, ...change);
  return maskedViewOf(currentKey, await ports.activity.readActivity(address), ports.clock());
};
