import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { parseArgs } from 'node:util';
import { openSealedKey, sealKey } from '../lambdas/domain/keys/sealed-key.ts';
import { Secret } from '../lambdas/domain/secret.ts';
import { makeFakeKey } from '../local/openai/server.ts';
import { median } from './bench-stack.ts';
import { print, tableOf } from './report.ts';

/**
 * Measures the time to open a sealed key after KMS has returned its data key, compared with a bare AES-256-GCM
 * decryption of the same bytes: the difference is the key derivation, the commitment and the binding. `npm run
 * bench:sealed-key [-- --json] [-- --short]`.
 */

const { values: options } = parseArgs({
  options: { json: { type: 'boolean', default: false }, short: { type: 'boolean', default: false } },
});
const ROUNDS = options.short ? 3 : 15;
const OPENINGS = options.short ? 200 : 2_000;

const dataKey = randomBytes(32);
const plaintext = makeFakeKey(randomBytes);
const workspaceId = '0123456789ab';
const sealed = sealKey(
  Secret.fromText(plaintext),
  {
    scope: 'workspace',
    scopeId: workspaceId,
    workspaceId,
    version: 1,
    masked: 'sk-proj-...AbCd',
    fingerprint: 'f0'.repeat(32),
  },
  {
    plaintext: dataKey,
    wrapped: randomBytes(184),
    kmsKeyArn: 'arn:aws:kms:us-east-1:111122223333:key/bench',
  },
  randomBytes,
);

const iv = randomBytes(12);
const aad = randomBytes(200);
const cipher = createCipheriv('aes-256-gcm', dataKey, iv, { authTagLength: 16 }).setAAD(aad);
const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
const tag = cipher.getAuthTag();

const contestants = {
  bare: () => {
    const decipher = createDecipheriv('aes-256-gcm', dataKey, iv, { authTagLength: 16 })
      .setAAD(aad)
      .setAuthTag(tag);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]).byteLength;
  },
  sealed: () => {
    const secret = openSealedKey(sealed, dataKey);
    const size = secret.bytes().byteLength;
    secret.destroy();
    return size;
  },
};

const faults: string[] = [];
const took = { bare: [] as number[], sealed: [] as number[] };
for (let round = 0; round < ROUNDS; round++)
  for (const [name, open] of Object.entries(contestants)) {
    const from = performance.now();
    for (let i = 0; i < OPENINGS; i++)
      if (open() !== plaintext.length) faults.push(`${name} gave something else.`);
    took[name as keyof typeof took].push((1_000 * (performance.now() - from)) / OPENINGS);
  }

const [bare, ours] = [median(took.bare), median(took.sealed)];
print(
  {
    tables: {
      'sealed-key': tableOf(
        ['Opening one OpenAI key', 'µs', '× bare'],
        [
          ['AES-256-GCM alone', bare.toFixed(1), '1.0'],
          [
            'the sealed key: commitment, derivation, binding, decryption',
            ours.toFixed(1),
            (ours / bare).toFixed(1),
          ],
        ],
      ),
    },
    figures: { bareMicroseconds: bare, sealedMicroseconds: ours },
    faults,
  },
  options.json,
);
