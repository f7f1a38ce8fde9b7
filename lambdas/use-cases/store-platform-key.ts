import { type LiveKey, PLATFORM_ADDRESS } from '../domain/stored-key.ts';
import { type Caller, DEFAULT_VOICE_SETTINGS } from '../domain/workspace.ts';
import { acceptPastedKey, type SealingPorts, sealAndPut } from './store-openai-key.ts';

/**
 * Seals the platform's own OpenAI key, which pays for managed workspaces, at its reserved scope. An operator's command,
 * never a route. Probed and versioned as any other key.
 */
export const storePlatformKey =
  (ports: SealingPorts) =>
  async (pasted: string, caller: Caller): Promise<LiveKey> => {
    const key = acceptPastedKey(pasted);
    try {
      return await sealAndPut(ports, {
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
