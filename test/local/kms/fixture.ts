import { KMSClient } from '@aws-sdk/client-kms';
import type { LocalKms, LocalKmsKey } from '../../../local/kms/server.ts';

export const SEALING = 'alias/sealing';
export const OTHER = 'alias/other';
export const FINGERPRINT = 'alias/fingerprint';

export const KEYS: readonly LocalKmsKey[] = [
  { alias: SEALING, usage: 'ENCRYPT_DECRYPT' },
  { alias: OTHER, usage: 'ENCRYPT_DECRYPT' },
  { alias: FINGERPRINT, usage: 'GENERATE_VERIFY_MAC' },
];

/** The real client. @default one attempt per call */
export function clientOf(kms: LocalKms, maxAttempts = 1): KMSClient {
  return new KMSClient({
    endpoint: kms.endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts,
  });
}

/** Narrows a value that the API types as optional. */
export function present<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('Expected a value, got undefined.');
  return value;
}

/** A copy of the bytes with the lowest bit of one byte turned. */
export function withFlippedBit(bytes: Uint8Array, index: number): Uint8Array {
  return bytes.map((byte, at) => (at === index ? byte ^ 1 : byte));
}
