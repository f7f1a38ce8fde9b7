import {
  DecryptCommand,
  IncorrectKeyException,
  InvalidCiphertextException,
  type KMSClient,
} from '@aws-sdk/client-kms';
import {
  assertWellFormed,
  encryptionContextOf,
  openSealedKey,
  SealedKeyUnreadableError,
} from '../../domain/sealed-key.ts';
import type { KeyOpener } from '../../use-cases/ports.ts';
import { unavailable } from './aws-calls.ts';
import { takeBytes } from './kms-key-sealer.ts';

type ForeignCiphertext = InvalidCiphertextException | IncorrectKeyException;

/** KMS says that this blob can never be opened as asked; anything else may pass. */
const isForeignCiphertext = (error: unknown): error is ForeignCiphertext =>
  error instanceof InvalidCiphertextException || error instanceof IncorrectKeyException;

/**
 * Opens sealed keys through KMS. One Decrypt per call, nothing cached, every plaintext buffer zeroed in `finally`. A
 * record that names a key other than `masterKeyArns` is refused before KMS is asked: a table must not choose the key.
 */
export const kmsKeyOpener = (kms: KMSClient, masterKeyArns: readonly string[]): KeyOpener => ({
  withPlaintext: async (sealed, use, onDecryptAttempt) => {
    assertWellFormed(sealed);
    if (!masterKeyArns.includes(sealed.kmsKeyArn)) throw new SealedKeyUnreadableError();
    let dataKey: Buffer;
    try {
      const { Plaintext, $metadata } = await kms.send(
        new DecryptCommand({
          CiphertextBlob: sealed.wrappedDataKey,
          // Naming the key makes KMS refuse a blob that another key has wrapped.
          KeyId: sealed.kmsKeyArn,
          EncryptionContext: encryptionContextOf(sealed),
        }),
      );
      onDecryptAttempt($metadata.requestId);
      dataKey = takeBytes(Plaintext ?? Buffer.alloc(0));
    } catch (error) {
      if (!isForeignCiphertext(error)) throw unavailable('kms', 'Decrypt', error);
      onDecryptAttempt(error.$metadata.requestId);
      throw new SealedKeyUnreadableError();
    }
    try {
      const plaintext = openSealedKey(sealed, dataKey);
      try {
        return await use(plaintext);
      } finally {
        plaintext.destroy();
      }
    } finally {
      dataKey.fill(0);
    }
  },
});
