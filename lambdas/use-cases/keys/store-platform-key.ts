import { CALL_LEASE_SECONDS } from '../../domain/calls/call.ts';
import { type LiveKey, PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import { type Caller, DEFAULT_VOICE_SETTINGS, type VoiceSettings } from '../../domain/tenancy/workspace.ts';
import { keepingForManagedCalls, type ManagedCallPorts } from '../calls/end-managed-calls.ts';
import {
  parseApiKeyOrThrow,
  type SealingPorts,
  type StoringChoice,
  sealAndStore,
  UNCONFIRMED,
} from './store-openai-key.ts';
import { usesWith } from './uses-of-key.ts';

/**
 * Seals the platform's own OpenAI key, which pays for managed workspaces, at its reserved scope. An operator's command,
 * never a route. Checked with `settings` and versioned like any other key. The previous key is retained for as long as a call can
 * last, so that its calls can be hung up; calls on one that a second replacement shreds are ended. A suspended key stays suspended: only the
 * operator's --resume ends the kill switch.
 */
export const storePlatformKey =
  ({ workspaces, hangUps, ...ports }: SealingPorts & ManagedCallPorts) =>
  async (
    pasted: string,
    caller: Caller,
    settings: VoiceSettings = DEFAULT_VOICE_SETTINGS,
    choice: StoringChoice = UNCONFIRMED,
  ): Promise<LiveKey> => {
    const key = parseApiKeyOrThrow(pasted);
    try {
      const careful = {
        ...ports,
        keys: keepingForManagedCalls(ports.keys, { clock: ports.clock, workspaces, hangUps }),
        retainSeconds: Math.max(ports.retainSeconds, CALL_LEASE_SECONDS),
      };
      const { currentKey } = await sealAndStore(careful, {
        key,
        address: PLATFORM_ADDRESS,
        uses: usesWith(settings),
        siteId: undefined,
        caller,
        choice,
        keepsSuspension: true,
      });
      return currentKey;
    } finally {
      key.secret.destroy();
    }
  };
