import { type LiveKey, PLATFORM_ADDRESS } from '../../domain/keys/stored-key.ts';
import { type Caller, DEFAULT_VOICE_SETTINGS } from '../../domain/tenancy/workspace.ts';
import { parseApiKeyOrThrow, type SealingPorts, sealAndStore } from './store-openai-key.ts';

/**
 * Seals the platform's own OpenAI key, which pays for managed workspaces, at its reserved scope. An operator's command,
 * never a route. Probed and versioned as any other key.
 */
export const storePlatformKey =
  (ports: SealingPorts) =>
  async (pasted: string, caller: Caller): Promise<LiveKey> => {
    const key = parseApiKeyOrThrow(pasted);
    try {
      return await sealAndStore(ports, {
        key,
        address: PLATFORM_ADDRESS,
        settings: DEFAULT_VOICE_SETTINGS,
        siteId: undefined,
        caller,
      });
    } finally {
      key.secret.destroy();
    }
  };
