import type { Incident, KeyInUse } from '../../domain/anomalies/incident.ts';
import type { RandomBytes } from '../../domain/identifiers.ts';
import { switchState } from '../../domain/keys/key-lifecycle.ts';
import { isLive } from '../../domain/keys/stored-key.ts';
import { systemEvent } from '../audit/system-event.ts';
import { type CallEnder, keyScopeOf } from '../calls/end-live-calls.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

const ACTOR = 'system:detector';
const MAX_ATTEMPTS = 5;

export interface SuspendPorts {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly backOff: BackOff;
  readonly keys: Pick<KeyStore, 'readKey' | 'changeKey'>;
  readonly callEnder: CallEnder;
}

/**
 * Stops every mint with `key`, effective at the next request, with its audit event, and ends its live calls. Ignores
 * a key that is already suspended, and a scope that now has another OpenAI key: the person who replaced
 * it has responded to the incident.
 */
export const suspendForIncident =
  (ports: SuspendPorts) =>
  async (incident: Incident, key: KeyInUse, fingerprint: string): Promise<void> => {
    const { scope, scopeId } = key;
    const { workspaceId, incidentId } = incident;
    const address = { scope, scopeId, workspaceId };
    await retryOnConflict(ports.backOff, MAX_ATTEMPTS, async () => {
      const currentKey = await ports.keys.readKey(address);
      if (!isLive(currentKey) || currentKey.sealed.fingerprint !== fingerprint) return;
      if (currentKey.state === 'suspended') {
        // An earlier run may have crashed between the two. A suspension by a person decides about the calls itself.
        if (currentKey.changedBy === ACTOR) await ports.callEnder.end(keyScopeOf(address), 'anomaly');
        return;
      }
      const now = ports.clock();
      const event = systemEvent({ now, random: ports.random }, ACTOR, 'key.suspended', {
        workspaceId,
        siteId: scope === 'site' ? scopeId : null,
        facts: {
          scope,
          version_before: currentKey.sealed.version,
          version: currentKey.sealed.version,
          masked: currentKey.sealed.masked,
          incident: incidentId,
        },
      });
      const change = switchState(currentKey, 'suspended', { at: now.toISOString(), by: ACTOR });
      await ports.keys.changeKey(address, change, event);
      await ports.callEnder.end(keyScopeOf(address), 'anomaly');
    });
  };
