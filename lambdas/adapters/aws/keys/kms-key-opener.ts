import {
  DecryptCommand,
  IncorrectKeyException,
  InvalidCiphertextException,
  type KMSClient,
  KMSServiceException,
} from '@aws-sdk/client-kms';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import {
  assertWellFormed,
  encryptionContextOf,
  openSealedKey,
  type SealedKey,
  SealedKeyUnreadableError,
} from '../../../domain/keys/sealed-key.ts';
import type { KeyOpener } from '../../../use-cases/ports/keys.ts';
import { unavailable } from '../aws-calls.ts';
import { moveToOwnBuffer } from '../secure-buffer.ts';

/**
 * Errors with which KMS says that this blob can never be decrypted with this request. Any other error may be temporary.
 */
const isForeignCiphertext = (error: unknown): boolean =>
  error instanceof InvalidCiphertextException || error instanceof IncorrectKeyException;

const requestIdOf = (error: unknown): string | undefined =>
  error instanceof KMSServiceException ? error.$metadata.requestId : undefined;

/**
 * Requests the data key of one record from KMS. Whether or not KMS refuses, the request ID joins the attempt to
 * CloudTrail.
 */
const unwrapDataKey = async (
  kms: KMSClient,
  sealed: SealedKey,
): Promise<{
  readonly requestId: string | undefined;
  readonly dataKey?: Buffer;
  /** The error to throw if there is no data key. */
  readonly error?: Error;
}> => {
  try {
    const { Plaintext, $metadata } = await kms.send(
      new DecryptCommand({
        CiphertextBlob: sealed.wrappedDataKey,
        // With the key in the request, KMS refuses a blob that another key has wrapped.
        KeyId: sealed.kmsKeyArn,
        EncryptionContext: encryptionContextOf(sealed),
      }),
    );
    const { requestId } = $metadata;
    // Proves nothing about the record, so its owner must not be asked for the key again.
    if (Plaintext === undefined || Plaintext.byteLength === 0)
      return { requestId, error: new DependencyUnavailableError('kms', 'Decrypt', 'EmptyAnswer', requestId) };
    return { requestId, dataKey: moveToOwnBuffer(Plaintext) };
  } catch (error) {
    const refusal = isForeignCiphertext(error)
      ? new SealedKeyUnreadableError()
      : unavailable('kms', 'Decrypt', error);
    return { requestId: requestIdOf(error), error: refusal };
  }
};

/**
 * Opens sealed keys through KMS. One Decrypt per call, nothing cached, every plaintext buffer zeroed in `finally`. A
 * record that names a key other than `masterKeyArns` is refused before KMS is asked: a table must not choose the key.
 */
export const kmsKeyOpener = (kms: KMSClient, masterKeyArns: readonly string[]): KeyOpener => ({
  withPlaintext: async (sealed, use, onDecryptAttempt) => {
    assertWellFormed(sealed);
    if (!masterKeyArns.includes(sealed.kmsKeyArn)) throw new SealedKeyUnreadableError();
    const { requestId, dataKey, error } = await unwrapDataKey(kms, sealed);
    try {
      onDecryptAttempt(requestId);
      if (dataKey === undefined) throw error;
      const plaintext = openSealedKey(sealed, dataKey);
      try {
        return await use(plaintext);
      } finally {
        plaintext.destroy();
      }
    } finally {
      dataKey?.fill(0);
    }
  },
});
