import { randomBytes } from 'node:crypto';
import type { DataKey, KeyBinding, KeyLabel } from '../../../lambdas/domain/keys/sealed-key.ts';

export type Identity = KeyBinding & KeyLabel;

export const WORKSPACE = '0123456789ab';
export const SITE = `${WORKSPACE}cdefghjkmnpq`;

export const SITE_IDENTITY: Identity = {
  scope: 'site',
  scopeId: SITE,
  workspaceId: WORKSPACE,
  version: 7,
  masked: 'sk-proj-...AbCd',
  fingerprint: 'f0'.repeat(32),
};

export const newDataKey = (): DataKey => ({
  plaintext: randomBytes(32),
  wrapped: randomBytes(184),
  kmsKeyArn: 'arn:aws:kms:eu-central-1:111122223333:key/00000000-0000-0000-0000-000000000000',
});

export const withFlippedBit = (bytes: Uint8Array, bit: number): Uint8Array =>
  bytes.map((byte, at) => (at === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte));

/** Every copy of `bytes` with exactly one bit turned. */
export const bitFlipsOfBytes = (bytes: Uint8Array): Uint8Array[] =>
  Array.from({ length: bytes.byteLength * 8 }, (_, bit) => withFlippedBit(bytes, bit));

/** Every copy of `text` with one bit of one UTF-16 unit turned. */
export const bitFlipsOfText = (text: string): string[] =>
  Array.from({ length: text.length * 16 }, (_, bit) => {
    const at = bit >> 4;
    const unit = text.charCodeAt(at) ^ (1 << (bit & 15));
    return `${text.slice(0, at)}${String.fromCharCode(unit)}${text.slice(at + 1)}`;
  });

/** Every number that differs from `value` in one of the 64 bits of its IEEE 754 form. */
export const bitFlipsOfNumber = (value: number): number[] => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleBE(value);
  return bitFlipsOfBytes(bytes).map((flipped) => Buffer.from(flipped).readDoubleBE());
};
