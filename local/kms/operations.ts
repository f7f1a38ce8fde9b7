import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import { type BlobOrigin, invalidCiphertext, openBlob, readBlobOrigin, sealBlob } from './ciphertext-blob.ts';
import { type EncryptionContext, isEncryptionContext } from './encryption-context.ts';
import { ACCOUNT_ID, arnOf, type Key, type KeyStore, type KeyUsage } from './key-store.ts';
import { KmsError } from './kms-error.ts';

// One file, because the table of operations is read against AWS's list, one entry after the other.
// Limits: https://docs.aws.amazon.com/kms/latest/APIReference/API_Operations.html, each operation's page.
const MAX_PLAINTEXT_BYTES = 4096;
const MAX_CIPHERTEXT_BYTES = 6144;
const MAX_DATA_KEY_BYTES = 1024;
const DATA_KEY_BYTES = { AES_128: 16, AES_256: 32 };

type JsonObject = Readonly<Record<string, unknown>>;

/** Runs one operation on a request body; undefined means an empty answer. @throws {KmsError} */
export type Operation = (store: KeyStore, body: unknown) => JsonObject | undefined;

const keyId = z.string().min(1).max(2048);
const context = z.custom<EncryptionContext>(isEncryptionContext, 'must map strings to strings').optional();
const encryptionAlgorithm = z
  .enum(['SYMMETRIC_DEFAULT', 'RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256', 'SM2PKE'])
  .default('SYMMETRIC_DEFAULT');
const macAlgorithm = z.enum(['HMAC_SHA_224', 'HMAC_SHA_256', 'HMAC_SHA_384', 'HMAC_SHA_512']);
const plaintext = blob(MAX_PLAINTEXT_BYTES);
const ciphertext = blob(MAX_CIPHERTEXT_BYTES);

const dataKeyRequest = z.object({
  KeyId: keyId,
  EncryptionContext: context,
  KeySpec: z.enum(['AES_128', 'AES_256']).optional(),
  NumberOfBytes: z.int().min(1).max(MAX_DATA_KEY_BYTES).optional(),
});

const generateDataKey = operation(dataKeyRequest, (store, request) => {
  const { dataKey, ...sealed } = sealNewDataKey(store, request);
  return { ...sealed, Plaintext: dataKey.toString('base64') };
});

const generateDataKeyWithoutPlaintext = operation(dataKeyRequest, (store, request) => {
  const { dataKey: _withheld, ...sealed } = sealNewDataKey(store, request);
  return sealed;
});

const encrypt = operation(
  z.object({
    KeyId: keyId,
    Plaintext: plaintext,
    EncryptionContext: context,
    EncryptionAlgorithm: encryptionAlgorithm,
  }),
  (store, request) => {
    const key = usable(store.resolve(request.KeyId), 'ENCRYPT_DECRYPT');
    requireSymmetric(request.EncryptionAlgorithm);
    return {
      KeyId: arnOf(key),
      CiphertextBlob: seal(key, request.Plaintext, request.EncryptionContext),
      EncryptionAlgorithm: request.EncryptionAlgorithm,
    };
  },
);

const decrypt = operation(
  z.object({
    KeyId: keyId.optional(),
    CiphertextBlob: ciphertext,
    EncryptionContext: context,
    EncryptionAlgorithm: encryptionAlgorithm,
  }),
  (store, request) => {
    requireSymmetric(request.EncryptionAlgorithm);
    const { key, opened } = open(store, request.KeyId, request.CiphertextBlob, request.EncryptionContext);
    return {
      KeyId: arnOf(key),
      Plaintext: opened.toString('base64'),
      EncryptionAlgorithm: request.EncryptionAlgorithm,
    };
  },
);

const reEncrypt = operation(
  z.object({
    CiphertextBlob: ciphertext,
    SourceKeyId: keyId.optional(),
    SourceEncryptionContext: context,
    SourceEncryptionAlgorithm: encryptionAlgorithm,
    DestinationKeyId: keyId,
    DestinationEncryptionContext: context,
    DestinationEncryptionAlgorithm: encryptionAlgorithm,
  }),
  (store, request) => {
    requireSymmetric(request.SourceEncryptionAlgorithm);
    requireSymmetric(request.DestinationEncryptionAlgorithm);
    const destination = usable(store.resolve(request.DestinationKeyId), 'ENCRYPT_DECRYPT');
    const source = open(store, request.SourceKeyId, request.CiphertextBlob, request.SourceEncryptionContext);
    return {
      CiphertextBlob: seal(destination, source.opened, request.DestinationEncryptionContext),
      SourceKeyId: arnOf(source.key),
      KeyId: arnOf(destination),
      SourceEncryptionAlgorithm: request.SourceEncryptionAlgorithm,
      DestinationEncryptionAlgorithm: request.DestinationEncryptionAlgorithm,
    };
  },
);

const generateMac = operation(
  z.object({ KeyId: keyId, Message: plaintext, MacAlgorithm: macAlgorithm }),
  (store, request) => {
    const { key, mac } = computeMac(store, request);
    return { KeyId: arnOf(key), Mac: mac.toString('base64'), MacAlgorithm: request.MacAlgorithm };
  },
);

const verifyMac = operation(
  z.object({
    KeyId: keyId,
    Message: plaintext,
    MacAlgorithm: macAlgorithm,
    Mac: blob(MAX_CIPHERTEXT_BYTES),
  }),
  (store, request) => {
    const { key, mac } = computeMac(store, request);
    const isValid = request.Mac.length === mac.length && timingSafeEqual(request.Mac, mac);
    if (!isValid) throw new KmsError('KMSInvalidMacException', 'The MAC is not valid for this message.');
    return { KeyId: arnOf(key), MacValid: true, MacAlgorithm: request.MacAlgorithm };
  },
);

const describeKey = operation(z.object({ KeyId: keyId }), (store, request) =>
  metadataOf(store.resolve(request.KeyId)),
);

const createKey = operation(
  z.object({
    KeyUsage: z.string().default('ENCRYPT_DECRYPT'),
    KeySpec: z.string().default('SYMMETRIC_DEFAULT'),
  }),
  (store, request) => metadataOf(store.create(supportedUsage(request.KeyUsage, request.KeySpec))),
);

const enableKey = operation(z.object({ KeyId: keyId }), (store, request) => {
  store.setEnabled(notPending(store.resolveId(request.KeyId)), true);
  return undefined;
});

const disableKey = operation(z.object({ KeyId: keyId }), (store, request) => {
  store.setEnabled(notPending(store.resolveId(request.KeyId)), false);
  return undefined;
});

const scheduleKeyDeletion = operation(
  z.object({ KeyId: keyId, PendingWindowInDays: z.int().default(30) }),
  (store, request) => {
    const key = notPending(store.resolveId(request.KeyId));
    const date = new Date(Date.now() + request.PendingWindowInDays * 86_400_000);
    store.setDeletion(key, date);
    return {
      KeyId: arnOf(key),
      DeletionDate: date.getTime() / 1000,
      KeyState: 'PendingDeletion',
      PendingWindowInDays: request.PendingWindowInDays,
    };
  },
);

const cancelKeyDeletion = operation(z.object({ KeyId: keyId }), (store, request) => {
  const key = store.resolveId(request.KeyId);
  if (key.deletionDate === undefined)
    throw new KmsError('KMSInvalidStateException', `${arnOf(key)} is not pending deletion.`);
  store.setDeletion(key, undefined);
  return { KeyId: arnOf(key) };
});

/** Every operation this server knows, by the name after `TrentService.`; no other name reaches code. */
export const operations: ReadonlyMap<string, Operation> = new Map([
  ['GenerateDataKey', generateDataKey],
  ['GenerateDataKeyWithoutPlaintext', generateDataKeyWithoutPlaintext],
  ['Encrypt', encrypt],
  ['Decrypt', decrypt],
  ['ReEncrypt', reEncrypt],
  ['GenerateMac', generateMac],
  ['VerifyMac', verifyMac],
  ['DescribeKey', describeKey],
  ['CreateKey', createKey],
  ['EnableKey', enableKey],
  ['DisableKey', disableKey],
  ['ScheduleKeyDeletion', scheduleKeyDeletion],
  ['CancelKeyDeletion', cancelKeyDeletion],
]);

const subjectSchema = z.object({
  KeyId: keyId.optional().catch(undefined),
  DestinationKeyId: keyId.optional().catch(undefined),
  CiphertextBlob: ciphertext.optional().catch(undefined),
  EncryptionContext: context.catch(undefined),
  SourceEncryptionContext: context.catch(undefined),
  DestinationEncryptionContext: context.catch(undefined),
});

/** The subject of a call, as CloudTrail records it. */
export interface CallSubject {
  readonly keyArn: string | undefined;
  readonly encryptionContext: EncryptionContext | undefined;
  readonly sourceEncryptionContext?: EncryptionContext;
}

/**
 * The key and contexts a request names, whether or not the operation will succeed; never a plaintext or ciphertext.
 * For ReEncrypt the key and `encryptionContext` are those of the destination.
 */
export function subjectOf(store: KeyStore, body: unknown): CallSubject {
  const request = subjectSchema.safeParse(body).data;
  const source = request?.SourceEncryptionContext;
  return {
    keyArn: namedKeyArn(store, request?.DestinationKeyId ?? request?.KeyId, request?.CiphertextBlob),
    encryptionContext: request?.DestinationEncryptionContext ?? request?.EncryptionContext,
    ...(source === undefined ? {} : { sourceEncryptionContext: source }),
  };
}

function namedKeyArn(
  store: KeyStore,
  identifier: string | undefined,
  sealed: Buffer | undefined,
): string | undefined {
  try {
    if (identifier !== undefined) return arnOf(store.resolve(identifier));
    return sealed === undefined ? undefined : arnOf(keyOfOrigin(store, readBlobOrigin(sealed)));
  } catch {
    return undefined;
  }
}

/** A request is checked whole before any of it is used. Members that would change its meaning are refused. */
function operation<Schema extends z.ZodType>(
  schema: Schema,
  run: (store: KeyStore, request: z.infer<Schema>) => JsonObject | undefined,
): Operation {
  return (store, body) => {
    refuseUnsupportedMembers(body);
    const request = schema.safeParse(body);
    if (!request.success) throw validationError(request.error);
    return run(store, request.data);
  };
}

function refuseUnsupportedMembers(body: unknown): void {
  const request = z
    .object({ DryRun: z.unknown().optional(), Recipient: z.unknown().optional() })
    .safeParse(body).data;
  const changesTheAnswer = request?.DryRun === true || request?.Recipient !== undefined;
  if (changesTheAnswer) {
    throw new KmsError('UnsupportedOperationException', 'DryRun and Recipient are not supported locally.');
  }
}

function validationError(error: z.ZodError): KmsError {
  const faults = error.issues.map(
    (issue) => `Value at '${issue.path.join('.')}' failed to satisfy constraint: ${issue.message}`,
  );
  return new KmsError('ValidationException', faults.join('; '));
}

function blob(maxBytes: number) {
  return z
    .base64()
    .transform((text) => Buffer.from(text, 'base64'))
    .refine((bytes) => bytes.length >= 1 && bytes.length <= maxBytes, `must be 1 to ${maxBytes} bytes`);
}

function notPending(key: Key): Key {
  if (key.deletionDate !== undefined)
    throw new KmsError('KMSInvalidStateException', `${arnOf(key)} is pending deletion.`);
  return key;
}

function usable(key: Key, usage: KeyUsage): Key {
  notPending(key);
  if (!key.enabled) throw new KmsError('DisabledException', `${arnOf(key)} is disabled.`);
  if (key.usage !== usage) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${arnOf(key)} key usage is ${key.usage} which is not valid for this operation.`,
    );
  }
  return key;
}

function requireSymmetric(algorithm: z.infer<typeof encryptionAlgorithm>): void {
  if (algorithm !== 'SYMMETRIC_DEFAULT') {
    throw new KmsError('InvalidKeyUsageException', `${algorithm} is not valid for a SYMMETRIC_DEFAULT key.`);
  }
}

function sealNewDataKey(store: KeyStore, request: z.infer<typeof dataKeyRequest>) {
  if ((request.KeySpec === undefined) === (request.NumberOfBytes === undefined)) {
    throw new KmsError('ValidationException', 'Please specify either number of bytes or key spec.');
  }
  const key = usable(store.resolve(request.KeyId), 'ENCRYPT_DECRYPT');
  const dataKey = randomBytes(request.NumberOfBytes ?? DATA_KEY_BYTES[request.KeySpec ?? 'AES_256']);
  return { dataKey, KeyId: arnOf(key), CiphertextBlob: seal(key, dataKey, request.EncryptionContext) };
}

function seal(key: Key, bytes: Buffer, bound: EncryptionContext | undefined): string {
  const origin = { keyId: key.keyId, backingKeyVersion: key.backingKeys.length };
  return sealBlob(origin, backingKeyOf(key, origin.backingKeyVersion), bytes, bound).toString('base64');
}

function open(
  store: KeyStore,
  expectedKey: string | undefined,
  sealed: Buffer,
  bound: EncryptionContext | undefined,
): { key: Key; opened: Buffer } {
  const expected =
    expectedKey === undefined ? undefined : usable(store.resolve(expectedKey), 'ENCRYPT_DECRYPT');
  const origin = readBlobOrigin(sealed);
  if (expected !== undefined && expected.keyId !== origin.keyId) {
    throw new KmsError(
      'IncorrectKeyException',
      'The key ID in the request does not identify a CMK that can perform this operation.',
    );
  }
  const key = usable(expected ?? keyOfOrigin(store, origin), 'ENCRYPT_DECRYPT');
  return { key, opened: openBlob(sealed, backingKeyOf(key, origin.backingKeyVersion), bound) };
}

/** KMS does not say whether the key is missing or only out of reach. */
function keyOfOrigin(store: KeyStore, origin: BlobOrigin): Key {
  const key = store.get(origin.keyId);
  if (key !== undefined) return key;
  throw new KmsError(
    'AccessDeniedException',
    'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
  );
}

/** Versions count from 1. */
function backingKeyOf(key: Key, version: number): Buffer {
  const material = key.backingKeys[version - 1];
  if (material === undefined) throw invalidCiphertext();
  return Buffer.from(material, 'base64');
}

function computeMac(
  store: KeyStore,
  request: { KeyId: string; Message: Buffer; MacAlgorithm: z.infer<typeof macAlgorithm> },
): { key: Key; mac: Buffer } {
  const key = usable(store.resolve(request.KeyId), 'GENERATE_VERIFY_MAC');
  if (request.MacAlgorithm !== 'HMAC_SHA_256') {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${request.MacAlgorithm} is not valid for an HMAC_256 key.`,
    );
  }
  const backingKey = backingKeyOf(key, key.backingKeys.length);
  return { key, mac: createHmac('sha256', backingKey).update(request.Message).digest() };
}

function supportedUsage(usage: string, spec: string): KeyUsage {
  if (usage === 'ENCRYPT_DECRYPT' && spec === 'SYMMETRIC_DEFAULT') return usage;
  if (usage === 'GENERATE_VERIFY_MAC' && spec === 'HMAC_256') return usage;
  throw new KmsError('UnsupportedOperationException', `A ${spec} key for ${usage} is not supported locally.`);
}

function metadataOf(key: Key): JsonObject {
  const isMac = key.usage === 'GENERATE_VERIFY_MAC';
  const spec = isMac ? 'HMAC_256' : 'SYMMETRIC_DEFAULT';
  return {
    KeyMetadata: {
      AWSAccountId: ACCOUNT_ID,
      KeyId: key.keyId,
      Arn: arnOf(key),
      CreationDate: Date.parse(key.createdAt) / 1000,
      Enabled: key.enabled,
      Description: '',
      KeyUsage: key.usage,
      KeyState: key.deletionDate !== undefined ? 'PendingDeletion' : key.enabled ? 'Enabled' : 'Disabled',
      ...(key.deletionDate !== undefined && { DeletionDate: Date.parse(key.deletionDate) / 1000 }),
      Origin: 'AWS_KMS',
      KeyManager: 'CUSTOMER',
      CustomerMasterKeySpec: spec,
      KeySpec: spec,
      ...(isMac ? { MacAlgorithms: ['HMAC_SHA_256'] } : { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'] }),
      MultiRegion: false,
    },
  };
}
