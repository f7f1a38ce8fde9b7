import { storeReencrypted } from '../../domain/keys/key-lifecycle.ts';
import { type MaskedKey, nextVersionOf } from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyActivityReader, KeySealer } from '../ports/keys.ts';
import { changeAndShowKey } from './change-and-show-key.ts';
import type { KeyChangePorts } from './change-openai-key.ts';
import type { KeyTarget } from './key-target.ts';
import { type AuditedKeyPorts, withAuditedKey } from './with-audited-key.ts';

/**
 * Admin. The same OpenAI key under a fresh data key, IV and version; the old ciphertext is gone in the same write. Helps
 * against a leaked data key, but not against a leaked OpenAI key, which must be replaced at OpenAI. The
 * decrypt is recorded like every other.
 */
export const reencryptOpenAiKey =
  (
    ports: KeyChangePorts &
      AuditedKeyPorts & { readonly sealer: KeySealer; readonly activity: KeyActivityReader },
  ) =>
  (caller: Caller, target: KeyTarget): Promise<MaskedKey> =>
    changeAndShowKey(ports, caller, target, 'key.reencrypted', async (current, stamp, authorized) => {
      const version = nextVersionOf(current);
      const { result } = await withAuditedKey(ports)(
        caller,
        authorized,
        current,
        'reencryption',
        async (plaintext) => ({
          result: await ports.sealer.seal(
            plaintext,
            { ...authorized.address, version },
            current.sealed.masked,
          ),
          outcome: { state: 'used' },
        }),
      );
      return storeReencrypted(current, result, stamp);
    });
