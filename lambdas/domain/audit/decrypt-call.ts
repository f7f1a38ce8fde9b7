/** One KMS Decrypt call from CloudTrail. */
export interface DecryptCall {
  readonly requestId: string;
  readonly eventId: string;
  readonly at: string;
  readonly keyArns: readonly string[];
  readonly encryptionContext: Readonly<Record<string, string>>;
  /** undefined: it succeeded. */
  readonly errorCode: string | undefined;
  /** ARN of the caller. */
  readonly principal: string | undefined;
}

/** Replicas of a multi-region key have its id, which begins so: https://docs.aws.amazon.com/kms/latest/developerguide/multi-region-keys-overview.html */
const MULTI_REGION_ID = /\/(mrk-[0-9a-f]+)$/;

/** The key that an ARN names: the same for each replica of a multi-region key. */
const keyOf = (arn: string): string => MULTI_REGION_ID.exec(arn)?.[1] ?? arn;

/**
 * The calls that are about sealed keys: on one of `masterKeyArns` or a replica of it, or with the encryption context of a sealed key.
 * A refused call may name no key, and a call without a context must be reported.
 */
export const aboutSealedKeys = (
  calls: readonly DecryptCall[],
  masterKeyArns: readonly string[],
): DecryptCall[] => {
  const masterKeys = new Set(masterKeyArns.map(keyOf));
  return calls.filter(
    ({ keyArns, encryptionContext }) =>
      keyArns.some((arn) => masterKeys.has(keyOf(arn))) ||
      Object.keys(encryptionContext).some((name) => name.startsWith('spelo:')),
  );
};
