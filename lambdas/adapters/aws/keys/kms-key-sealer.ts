import { createHash } from 'node:crypto';
import { GenerateDataKeyCommand, GenerateMacCommand, type KMSClient } from '@aws-sdk/client-kms';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import type { RandomBytes } from '../../../domain/identifiers.ts';
import { encryptionContextOf, type KeyBinding, sealKey } from '../../../domain/keys/sealed-key.ts';
import type { Secret } from '../../../domain/secret.ts';
import type { KeySealer } from '../../../use-cases/ports/keys.ts';
import { callAws } from '../aws-calls.ts';
import { moveToOwnBuffer } from '../secure-buffer.ts';

/** Seals under a fresh KMS data key, bound to its encryption context. Needs GenerateDataKey and GenerateMac, never Decrypt. */
export const kmsKeySealer = (
  kms: KMSClient,
  keys: { readonly masterKeyArn: string; readonly fingerprintKeyArn: string },
  random: RandomBytes,
): KeySealer => {
  /** KMS sees a digest, not the key; the workspace id keeps two workspaces with one key apart. */
  const fingerprint = async (workspaceId: string, plaintext: Secret): Promise<string> => {
    const Message = createHash('sha256').update(`${workspaceId}\0`).update(plaintext.bytes()).digest();
    const { Mac } = await callAws('kms', 'GenerateMac', () =>
      kms.send(
        new GenerateMacCommand({ KeyId: keys.fingerprintKeyArn, MacAlgorithm: 'HMAC_SHA_256', Message }),
      ),
    );
    if (Mac === undefined) throw new DependencyUnavailableError('kms', 'GenerateMac', 'EmptyAnswer');
    return Buffer.from(Mac).toString('hex');
  };

  return {
    seal: async (plaintext: Secret, binding: KeyBinding, masked: string) => {
      // First, so that a failure here leaves no plaintext data key behind.
      const mac = await fingerprint(binding.workspaceId, plaintext);
      const answer = await callAws('kms', 'GenerateDataKey', () =>
        kms.send(
          new GenerateDataKeyCommand({
            KeyId: keys.masterKeyArn,
            KeySpec: 'AES_256',
            EncryptionContext: encryptionContextOf(binding),
          }),
        ),
      );
      const dataKey = moveToOwnBuffer(answer.Plaintext ?? Buffer.alloc(0));
      try {
        if (answer.CiphertextBlob === undefined || answer.KeyId === undefined || dataKey.byteLength === 0)
          throw new DependencyUnavailableError('kms', 'GenerateDataKey', 'EmptyAnswer');
        return sealKey(
          plaintext,
          { ...binding, masked, fingerprint: mac },
          { plaintext: dataKey, wrapped: answer.CiphertextBlob, kmsKeyArn: answer.KeyId },
          random,
        );
      } finally {
        dataKey.fill(0);
      }
    },
  };
};
