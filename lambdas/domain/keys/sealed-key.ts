import { createCipheriv, createDecipheriv, hkdfSync, timingSafeEqual } from 'node:crypto';
import type { RandomBytes } from '../identifiers.ts';
import { Secret } from '../secret.ts';

/**
 * The envelope around one OpenAI key. A KMS-wrapped data key is expanded by HKDF-SHA-512 (RFC 5869) into an
 * AES-256-GCM key (NIST SP 800-38D) and a key commitment; the additional authenticated data binds every field
 * that identifies the owner of the key. The same fields are the KMS encryption context, so a moved record fails twice.
 */

export const SEALED_KEY_FORMAT = 1;
export const SEALED_KEY_ALGORITHM = 'AES-256-GCM';

const CIPHER = 'aes-256-gcm';
const DATA_KEY_BYTES = 32;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const COMMITMENT_BYTES = 32;
/** A KMS ciphertext blob is at most 6,144 bytes: https://docs.aws.amazon.com/kms/latest/APIReference/API_Decrypt.html */
const MAX_WRAPPED_DATA_KEY_BYTES = 6144;
/** The longest accepted key has 303 characters; a much longer one is not ours. */
const MAX_CIPHERTEXT_BYTES = 512;

export const KEY_SCOPES = ['site', 'workspace', 'platform'] as const;
export type KeyScope = (typeof KEY_SCOPES)[number];

const SCOPES: ReadonlySet<string> = new Set(KEY_SCOPES);
/** Ids are ASCII: two spellings of one id cannot exist, and HKDF's 1,024 bytes of info are never reached. */
const ID = /^[a-z0-9]{1,64}$/;
const LABEL = /^[\x21-\x7e]{0,128}$/;

/** The identity of the key in a record. Every field is authenticated. */
export interface KeyBinding {
  readonly scope: KeyScope;
  /** The site id, the workspace id, or `platform`. */
  readonly scopeId: string;
  /** Equal to `scopeId` at workspace and platform scope. */
  readonly workspaceId: string;
  /** Grows by one with each stored key of a scope and is never used again, not even after a deletion. */
  readonly version: number;
}

/** The fields of a key that its owner sees and that limits use; authenticated, but kept out of CloudTrail. */
export interface KeyLabel {
  /** `sk-proj-...AbCd` */
  readonly masked: string;
  /** Keyed hash of the key within its workspace, hex: finds the same key used twice. */
  readonly fingerprint: string;
}

export interface SealedKey extends KeyBinding, KeyLabel {
  readonly format: number;
  readonly algorithm: string;
  readonly kmsKeyArn: string;
  readonly wrappedDataKey: Uint8Array;
  readonly iv: Uint8Array;
  readonly tag: Uint8Array;
  readonly commitment: Uint8Array;
  readonly ciphertext: Uint8Array;
}

/** A data key from KMS. The caller zeroes `plaintext`. */
export interface DataKey {
  readonly plaintext: Buffer;
  readonly wrapped: Uint8Array;
  readonly kmsKeyArn: string;
}

/**
 * The only error for every damaged, moved, truncated or foreign record. It has no cause and no detail, so that
 * nobody can learn from it which byte was wrong.
 */
export class SealedKeyUnreadableError extends Error {
  override readonly name = 'SealedKeyUnreadableError';
  constructor() {
    super('The sealed key cannot be opened.');
  }
}

/** The KMS encryption context of a record. It is plain text in CloudTrail, so it contains only ids and no customer data. */
export const encryptionContextOf = (binding: KeyBinding): Record<string, string> => ({
  'spelo:format': String(SEALED_KEY_FORMAT),
  'spelo:algorithm': SEALED_KEY_ALGORITHM,
  'spelo:scope': binding.scope,
  'spelo:scope_id': binding.scopeId,
  'spelo:workspace_id': binding.workspaceId,
  'spelo:key_version': String(binding.version),
});

/** Names of the encryption context, which IAM policies require to be present. */
export const ENCRYPTION_CONTEXT_KEYS = Object.keys(
  encryptionContextOf({ scope: 'site', scopeId: '', workspaceId: '', version: 0 }),
);

/** Length-prefixed fields in a fixed order: two different bindings never give the same bytes. */
const additionalAuthenticatedData = (record: KeyBinding & KeyLabel): Buffer => {
  const fields = [...Object.entries(encryptionContextOf(record)).flat(), record.masked, record.fingerprint];
  return Buffer.concat(
    fields.flatMap((field) => {
      const bytes = Buffer.from(field, 'utf8');
      const length = Buffer.alloc(4);
      length.writeUInt32BE(bytes.byteLength);
      return [length, bytes];
    }),
  );
};

const derive = (dataKey: Buffer, purpose: 'encrypt' | 'commit', aad: Buffer, size: number): Buffer => {
  const info = Buffer.concat([Buffer.from(`spelo-byok/sealed-key/v1/${purpose}/`, 'utf8'), aad]);
  return Buffer.from(hkdfSync('sha512', dataKey, Buffer.alloc(0), info, size));
};

/**
 * Seals `plaintext` under a fresh data key and a fresh 96-bit IV. Throws when the source of randomness fails, or when the
 * record could not be opened again. Zeroes what it derived; the data key and the plaintext stay with the caller.
 */
export const sealKey = (
  plaintext: Secret,
  identity: KeyBinding & KeyLabel,
  dataKey: DataKey,
  random: RandomBytes,
): SealedKey => {
  if (dataKey.plaintext.byteLength !== DATA_KEY_BYTES) throw new Error('A data key has 32 bytes.');
  if (!hasWellFormedIdentity(identity)) throw new SealedKeyUnreadableError();
  const iv = random(IV_BYTES);
  if (iv.byteLength !== IV_BYTES) throw new Error('The source of randomness gave too few bytes.');
  const aad = additionalAuthenticatedData(identity);
  const key = derive(dataKey.plaintext, 'encrypt', aad, DATA_KEY_BYTES);
  try {
    const cipher = createCipheriv(CIPHER, key, iv, { authTagLength: TAG_BYTES }).setAAD(aad);
    const ciphertext = Buffer.concat([cipher.update(plaintext.bytes()), cipher.final()]);
    const sealed: SealedKey = {
      scope: identity.scope,
      scopeId: identity.scopeId,
      workspaceId: identity.workspaceId,
      version: identity.version,
      masked: identity.masked,
      fingerprint: identity.fingerprint,
      format: SEALED_KEY_FORMAT,
      algorithm: SEALED_KEY_ALGORITHM,
      kmsKeyArn: dataKey.kmsKeyArn,
      wrappedDataKey: dataKey.wrapped,
      iv,
      tag: cipher.getAuthTag(),
      commitment: derive(dataKey.plaintext, 'commit', aad, COMMITMENT_BYTES),
      ciphertext,
    };
    assertWellFormed(sealed);
    return sealed;
  } finally {
    key.fill(0);
  }
};

const hasWellFormedIdentity = (identity: KeyBinding & KeyLabel): boolean =>
  Number.isSafeInteger(identity.version) &&
  identity.version > 0 &&
  SCOPES.has(identity.scope) &&
  ID.test(identity.scopeId) &&
  ID.test(identity.workspaceId) &&
  LABEL.test(identity.masked) &&
  LABEL.test(identity.fingerprint);

/** True if a record has a known format, and lengths that this product can have written. */
export const isWellFormed = (sealed: SealedKey): boolean =>
  sealed.format === SEALED_KEY_FORMAT &&
  sealed.algorithm === SEALED_KEY_ALGORITHM &&
  hasWellFormedIdentity(sealed) &&
  hasWellFormedLengths(sealed) &&
  sealed.commitment.byteLength === COMMITMENT_BYTES &&
  sealed.wrappedDataKey.byteLength > 0 &&
  sealed.wrappedDataKey.byteLength <= MAX_WRAPPED_DATA_KEY_BYTES;

/** The output of AES-GCM. */
type Encrypted = Pick<SealedKey, 'iv' | 'tag' | 'ciphertext'>;

const hasWellFormedLengths = ({ iv, tag, ciphertext }: Encrypted): boolean =>
  iv.byteLength === IV_BYTES &&
  tag.byteLength === TAG_BYTES &&
  ciphertext.byteLength > 0 &&
  ciphertext.byteLength <= MAX_CIPHERTEXT_BYTES;

/** Checked before KMS is asked, so that a hostile record costs nothing. Throws SealedKeyUnreadableError. */
export const assertWellFormed = (sealed: SealedKey): void => {
  if (!isWellFormed(sealed)) throw new SealedKeyUnreadableError();
};

/**
 * Opens a record with the data key that KMS unwrapped for it. Either the whole plaintext, authenticated, or
 * SealedKeyUnreadableError; no byte leaves before the tag is checked. The caller destroys the secret.
 */
export const openSealedKey = (sealed: SealedKey, dataKey: Buffer): Secret => {
  assertWellFormed(sealed);
  if (dataKey.byteLength !== DATA_KEY_BYTES) throw new SealedKeyUnreadableError();
  const aad = additionalAuthenticatedData(sealed);
  const commitment = derive(dataKey, 'commit', aad, COMMITMENT_BYTES);
  if (!timingSafeEqual(commitment, sealed.commitment)) throw new SealedKeyUnreadableError();
  const key = derive(dataKey, 'encrypt', aad, DATA_KEY_BYTES);
  try {
    return decrypt(sealed, key, aad);
  } finally {
    key.fill(0);
  }
};

/**
 * The AES-256-GCM step of `openSealedKey`: the whole plaintext, authenticated, or SealedKeyUnreadableError. The key stays
 * with the caller, who destroys the secret.
 */
export const decrypt = (encrypted: Encrypted, key: Uint8Array, aad: Uint8Array): Secret => {
  if (!hasWellFormedLengths(encrypted)) throw new SealedKeyUnreadableError();
  let head = Buffer.alloc(0);
  try {
    // Without authTagLength Node accepts tags of 4 bytes; with wrong AAD update() still returns the plaintext.
    const decipher = createDecipheriv(CIPHER, key, encrypted.iv, { authTagLength: TAG_BYTES })
      .setAAD(aad)
      .setAuthTag(encrypted.tag);
    head = decipher.update(encrypted.ciphertext);
    decipher.final();
    // GCM is a stream mode: update() returns everything and final() only checks the tag.
    return Secret.copyOf(head);
  } catch {
    throw new SealedKeyUnreadableError();
  } finally {
    head.fill(0);
  }
};
