import {
  IncorrectKeyException,
  InvalidCiphertextException,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import {
  assertWellFormed,
  encryptionContextOf,
  SealedKeyUnreadableError,
} from '../../../domain/keys/sealed-key.ts';
import type { KeyRewrapper } from '../../../use-cases/ports/keys.ts';
import { unavailable } from '../aws-calls.ts';

/**
 * Re-wraps data keys inside KMS, under the same encryption context before and after. Needs ReEncryptFrom on the source
 * and ReEncryptTo on the target, never Decrypt. A record that names another key than `masterKeyArns` is refused before
 * KMS is asked: a table must not choose the key.
 */
export const kmsRewrapper = (kms: KMSClient, masterKeyArns: readonly string[]): KeyRewrapper => ({
  rewrap: async (sealed, toKeyArn) => {
    assertWellFormed(sealed);
    if (!masterKeyArns.includes(sealed.kmsKeyArn)) throw new SealedKeyUnreadableError();
    const { CiphertextBlob, KeyId, $metadata } = await reEncrypt(kms, sealed, toKeyArn);
    if (CiphertextBlob === undefined || KeyId !== toKeyArn)
      throw new DependencyUnavailableError('kms', 'ReEncrypt', 'UnexpectedAnswer', $metadata.requestId);
    const wrapping = { kmsKeyArn: KeyId, wrappedDataKey: CiphertextBlob };
    assertWellFormed({ ...sealed, ...wrapping });
    return { wrapping, kmsRequestId: $metadata.requestId };
  },
});

const reEncrypt = async (kms: KMSClient, sealed: Parameters<KeyRewrapper['rewrap']>[0], toKeyArn: string) => {
  const context = encryptionContextOf(sealed);
  try {
    return await kms.send(
      new ReEncryptCommand({
        CiphertextBlob: sealed.wrappedDataKey,
        // With the source key in the request, KMS refuses a blob that another key has wrapped.
        SourceKeyId: sealed.kmsKeyArn,
        SourceEncryptionContext: context,
        DestinationKeyId: toKeyArn,
        DestinationEncryptionContext: context,
      }),
    );
  } catch (error) {
    if (error instanceof InvalidCiphertextException || error instanceof IncorrectKeyException)
      throw new SealedKeyUnreadableError();
    throw unavailable('kms', 'ReEncrypt', error);
  }
};
