import type { AuditEventType } from '../domain/audit-record.ts';
import { type MaskedKey, maskedViewOf } from '../domain/stored-key.ts';
import type { Caller } from '../domain/workspace.ts';
import { changeStoredKey, type DecideKeyChange, type KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';
import type { KeyActivityReader } from './ports.ts';

/** As changeStoredKey; answers with the key as its owner sees it afterwards. */
export const changeAndShowKey = async (
  ports: KeyChangePorts & { readonly activity: KeyActivityReader },
  ...change: [caller: Caller, target: KeyTarget, type: AuditEventType, decide: DecideKeyChange]
): Promise<MaskedKey> => {
  const { head, address } = await changeStoredKey(ports, ...change);
  return maskedViewOf(head, await ports.activity.readActivity(address), ports.clock());
};
