import { createHash, createHmac } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { NodeSha256 } from '../../../lambdas/adapters/aws/node-sha256.ts';

const bytes = fc.uint8Array({ maxLength: 200 });
const data = fc.oneof(bytes, fc.string());

const digestOf = async (given: readonly (string | Uint8Array)[], secret?: string | Uint8Array) => {
  const own = new NodeSha256(secret);
  for (const part of given) own.update(part);
  return Buffer.from(await own.digest()).toString('hex');
};

test('a hash of any parts is the SHA-256 of Node', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(data, { maxLength: 3 }), async (parts) => {
      const expected = createHash('sha256');
      for (const part of parts) expected.update(part);
      expect(await digestOf(parts)).toBe(expected.digest('hex'));
    }),
  );
});

test('a hash with any secret is the HMAC of Node, with secrets shorter and longer than a block', async () => {
  await fc.assert(
    fc.asyncProperty(data, fc.array(data, { maxLength: 3 }), async (secret, parts) => {
      const expected = createHmac('sha256', secret);
      for (const part of parts) expected.update(part);
      expect(await digestOf(parts, secret)).toBe(expected.digest('hex'));
    }),
  );
});

test('a reset hash is the hash of nothing', async () => {
  const own = new NodeSha256();
  own.update('before');
  own.reset();
  expect(Buffer.from(await own.digest()).toString('hex')).toBe(createHash('sha256').digest('hex'));
});
