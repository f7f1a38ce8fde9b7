import { type LiveKey, PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import { type Caller, DEFAULT_VOICE_SETTINGS, type VoiceSettings } from '../../domain/tenancy/workspace.ts';
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
 * never a route. Probed with `settings` and versioned as any other key.
 */
export const storePlatformKey =
  (ports: SealingPorts) =>
  async (
    pasted: string,
    caller: Caller,
    settings: VoiceSettings = DEFAULT_VOICE_SETTINGS,
    choice: StoringChoice = UNCONFIRMED,
  ): Promise<LiveKey> => {
    const key = parseApiKeyOrThrow(pasted);
    try {
      const { currentKey } = await sealAndStore(ports, {
        key,
        address: PLATFORM_ADDRESS,
        uses: usesWith(settings),
        siteId: undefined,
        caller,
        choice,
      });
      return currentKey;
    } finally {
      key.secret.destroy();
    }
  };
