import { tampering } from '../../domain/anomalies/tampering.ts';
import type { KeyAddress } from '../../domain/keys/stored-key.ts';
import type { KeyExaminer } from '../ports/keys.ts';
import type { Clock } from '../ports/runtime.ts';
import { reportTampering, type TamperingPorts } from './report-tampering.ts';

/**
 * Compares a stored key with its mark, and both with the latest state that was examined. Reports a key that was put back,
 * alone or together with its mark. Examining a sound key twice changes nothing.
 */
export const examineKey =
  (ports: TamperingPorts & { readonly clock: Clock; readonly examiner: KeyExaminer }) =>
  async (address: KeyAddress): Promise<void> => {
    const { finding, state, revision } = await ports.examiner.examine(address);
    if (finding === 'sound') return;
    const { scope, scopeId, workspaceId } = address;
    await reportTampering(ports)(
      tampering(
        {
          kind: finding === 'differs' ? 'key_put_back' : 'mark_put_back',
          workspaceId,
          siteId: scope === 'site' ? scopeId : null,
          subject: `key of ${scope} ${scopeId}`,
          at: ports.clock().toISOString(),
        },
        state,
      ),
    );
    // Reported once; later changes of the owner are not findings.
    if (finding === 'older') await ports.examiner.accept(address, revision);
  };
