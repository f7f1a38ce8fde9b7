import { createDecipheriv, createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { openSealedKey, type SealedKey, sealKey } from '../../lambdas/domain/keys/sealed-key.ts';
import { Secret } from '../../lambdas/domain/secret.ts';
import { dataKeyFrom, plaintextFrom } from './recipes.ts';

const bytes = z.base64().transform((text) => Buffer.from(text, 'base64'));
const vectorFile = z.array(
  z.strictObject({
    title: z.string(),
    dataKeySeed: z.string(),
    plaintext: z.strictObject({ prefix: z.string(), seed: z.string(), length: z.int() }),
    record: z.strictObject({
      format: z.literal(1),
      algorithm: z.literal('AES-256-GCM'),
      scope: z.enum(['site', 'workspace', 'platform']),
      scopeId: z.string(),
      workspaceId: z.string(),
      version: z.int(),
      masked: z.string(),
      fingerprint: z.string(),
      kmsKeyArn: z.string(),
      wrappedDataKey: bytes,
      iv: bytes,
      tag: bytes,
      commitment: bytes,
      ciphertext: bytes,
    }),
  }),
);

/**
 * A key that has been sealed must open for as long as it is stored: never change a record of this file. A change to the
 * envelope that turns these tests red makes every stored key unreadable; it needs a new format and a new file.
 * `wrappedDataKey` is a note here and not a KMS ciphertext.
 */
const file: unknown = JSON.parse(readFileSync(new URL('./sealed-key-v1.json', import.meta.url), 'utf8'));
const vectors = vectorFile.parse(file);

/** HKDF of RFC 5869, spelt out: an absent salt is as many zero bytes as the hash is long. */
const hkdfSha512 = (inputKey: Buffer, info: Buffer, size: number): Buffer => {
  const extracted = createHmac('sha512', Buffer.alloc(64)).update(inputKey).digest();
  let block = Buffer.alloc(0);
  let expanded = Buffer.alloc(0);
  for (let counter = 1; expanded.byteLength < size; counter++) {
    block = createHmac('sha512', extracted)
      .update(block)
      .update(info)
      .update(Buffer.from([counter]))
      .digest();
    expanded = Buffer.concat([expanded, block]);
  }
  return expanded.subarray(0, size);
};

const lengthPrefixed = (text: string): Buffer => {
  const prefixed = Buffer.from(`\0\0\0\0${text}`, 'utf8');
  prefixed.writeUInt32BE(prefixed.byteLength - 4);
  return prefixed;
};

/** Format 1 as docs/sealed-key.md describes it. Uses nothing of the product but the record's type. */
const openFromDescription = (record: SealedKey, dataKey: Buffer): string => {
  const { scope, scopeId, workspaceId, version, masked, fingerprint } = record;
  const additional = Buffer.concat(
    [
      ...['spelo:format', '1', 'spelo:algorithm', 'AES-256-GCM', 'spelo:scope', scope],
      ...['spelo:scope_id', scopeId, 'spelo:workspace_id', workspaceId, 'spelo:key_version', `${version}`],
      ...[masked, fingerprint],
    ].map(lengthPrefixed),
  );
  const derive = (purpose: string): Buffer =>
    hkdfSha512(dataKey, Buffer.concat([Buffer.from(`spelo-byok/sealed-key/v1/${purpose}/`), additional]), 32);
  if (!derive('commit').equals(record.commitment)) throw new Error('The commitment differs.');
  const decipher = createDecipheriv('aes-256-gcm', derive('encrypt'), record.iv, { authTagLength: 16 });
  decipher.setAAD(additional);
  decipher.setAuthTag(record.tag);
  return Buffer.concat([decipher.update(record.ciphertext), decipher.final()]).toString('utf8');
};

describe('the frozen records of format 1', () => {
  it('cover every scope, several versions and the shortest and longest key', () => {
    const records = vectors.map(({ record }) => record);
    expect(new Set(records.map(({ scope }) => scope))).toEqual(new Set(['site', 'workspace', 'platform']));
    expect(new Set(records.map(({ version }) => version)).size).toBe(vectors.length);
    const lengths = records.map(({ ciphertext }) => ciphertext.byteLength);
    expect([Math.min(...lengths), Math.max(...lengths)]).toEqual([23, 303]);
  });

  it.each(vectors)('can be opened: $title', ({ record, dataKeySeed, plaintext }) => {
    const secret = openSealedKey(record, dataKeyFrom(dataKeySeed));
    expect(secret.bytes().toString()).toBe(plaintextFrom(plaintext));
    secret.destroy();
  });

  it.each(vectors)(
    'are written today byte for byte as before: $title',
    ({ record, dataKeySeed, plaintext }) => {
      const { scope, scopeId, workspaceId, version, masked, fingerprint, wrappedDataKey, kmsKeyArn, iv } =
        record;
      const secret = Secret.fromText(plaintextFrom(plaintext));
      const again = sealKey(
        secret,
        { scope, scopeId, workspaceId, version, masked, fingerprint },
        { plaintext: dataKeyFrom(dataKeySeed), wrapped: wrappedDataKey, kmsKeyArn },
        () => iv,
      );
      secret.destroy();
      expect(Object.keys(again).sort()).toEqual(Object.keys(record).sort());
      expect({ ...again, ...hexFieldsOf(again) }).toEqual({ ...record, ...hexFieldsOf(record) });
    },
  );

  it.each(vectors)(
    'can be opened from their description alone: $title',
    ({ record, dataKeySeed, plaintext }) => {
      expect(openFromDescription(record, dataKeyFrom(dataKeySeed))).toBe(plaintextFrom(plaintext));
    },
  );

  it('can be opened only with their own data key', () => {
    const opened = vectors.flatMap(({ record }, at) =>
      vectors.filter(({ dataKeySeed }, other) => {
        if (other === at) return false;
        try {
          openSealedKey(record, dataKeyFrom(dataKeySeed)).destroy();
          return true;
        } catch {
          return false;
        }
      }),
    );
    expect(opened).toEqual([]);
  });
});

/** Byte fields as text, so that a difference is readable and does not depend on the kind of array. */
const hexFieldsOf = (record: SealedKey): Record<string, string> =>
  Object.fromEntries(
    (['wrappedDataKey', 'iv', 'tag', 'commitment', 'ciphertext'] as const).map((field) => [
      field,
      Buffer.from(record[field]).toString('hex'),
    ]),
  );
