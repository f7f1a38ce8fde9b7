import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { canonicalContext, type EncryptionContext } from './encryption-context.ts';
import { KmsError } from './kms-error.ts';

const FORMAT = 1;
const KEY_ID_OFFSET = 1;
const VERSION_OFFSET = 17;
const CHECKSUM_OFFSET = 21;
const HEADER_BYTES = 25;
const IV_BYTES = 12;
const TAG_BYTES = 16;
const ALGORITHM = 'aes-256-gcm';

/** The key and the version of its material that a blob says it was made with. Not yet proven by the tag. */
export interface BlobOrigin {
  readonly keyId: string;
  readonly backingKeyVersion: number;
}

/** A blob that opens only with the same key material and exactly the same encryption context. */
export function sealBlob(
  origin: BlobOrigin,
  backingKey: Buffer,
  plaintext: Buffer,
  context: EncryptionContext | undefined,
): Buffer {
  const header = encodeHeader(origin);
  const iv = randomBytes(IV_BYTES);
  const cipher = createCipheriv(ALGORITHM, backingKey, iv, { authTagLength: TAG_BYTES });
  cipher.setAAD(Buffer.concat([header, canonicalContext(context)]));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  return Buffer.concat([header, iv, ciphertext, cipher.getAuthTag()]);
}

/**
 * The origin named in an undamaged header.
 *
 * The checksum tells a damaged header from a key that does not exist, which KMS answers differently.
 *
 * @throws {KmsError} InvalidCiphertextException for anything that is not a blob of this server.
 */
export function readBlobOrigin(blob: Buffer): BlobOrigin {
  const isLongEnough = blob.length > HEADER_BYTES + IV_BYTES + TAG_BYTES;
  if (!isLongEnough || blob.readUInt8(0) !== FORMAT) throw invalidCiphertext();
  if (crc32(blob.subarray(0, CHECKSUM_OFFSET)) !== blob.readUInt32BE(CHECKSUM_OFFSET)) {
    throw invalidCiphertext();
  }
  const hex = blob.toString('hex', KEY_ID_OFFSET, VERSION_OFFSET);
  return {
    keyId: hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5'),
    backingKeyVersion: blob.readUInt32BE(VERSION_OFFSET),
  };
}

/**
 * The plaintext, only after the tag has proven header, context and ciphertext together.
 *
 * @throws {KmsError} InvalidCiphertextException, the same for every cause.
 */
export function openBlob(blob: Buffer, backingKey: Buffer, context: EncryptionContext | undefined): Buffer {
  const header = blob.subarray(0, HEADER_BYTES);
  const iv = blob.subarray(HEADER_BYTES, HEADER_BYTES + IV_BYTES);
  const decipher = createDecipheriv(ALGORITHM, backingKey, iv, { authTagLength: TAG_BYTES });
  decipher.setAAD(Buffer.concat([header, canonicalContext(context)]));
  decipher.setAuthTag(blob.subarray(-TAG_BYTES));
  try {
    const opened = decipher.update(blob.subarray(HEADER_BYTES + IV_BYTES, -TAG_BYTES));
    return Buffer.concat([opened, decipher.final()]);
  } catch {
    throw invalidCiphertext();
  }
}

/** KMS gives no reason here, so this server does not either. */
export function invalidCiphertext(): KmsError {
  return new KmsError('InvalidCiphertextException', 'The ciphertext or its encryption context is not valid.');
}

function encodeHeader({ keyId, backingKeyVersion }: BlobOrigin): Buffer {
  const header = Buffer.alloc(HEADER_BYTES);
  header.writeUInt8(FORMAT, 0);
  header.write(keyId.replaceAll('-', ''), KEY_ID_OFFSET, 'hex');
  header.writeUInt32BE(backingKeyVersion, VERSION_OFFSET);
  header.writeUInt32BE(crc32(header.subarray(0, CHECKSUM_OFFSET)), CHECKSUM_OFFSET);
  return header;
}
