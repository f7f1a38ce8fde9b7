import { S3Client } from '@aws-sdk/client-s3';
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals';
import { putNew, s3Archive } from '../../../lambdas/adapters/aws/audit/s3-archive.ts';
import { s3ArchiveReader } from '../../../lambdas/adapters/aws/audit/s3-evidence.ts';
import { s3EvidenceVersions } from '../../../lambdas/adapters/aws/audit/s3-versions.ts';
import type { ChangedObject } from '../../../lambdas/use-cases/ports/audit.ts';
import { type LocalS3, startLocalS3 } from '../../../local/s3/server.ts';

const Bucket = 'archive';
const RETENTION_DAYS = 400;
const DAY_MS = 86_400_000;

let now: Date;
let local: LocalS3;
let client: S3Client;

beforeEach(async () => {
  now = new Date('2026-11-30T00:00:00.000Z');
  local = await startLocalS3({
    buckets: [Bucket],
    lockedBuckets: [Bucket],
    createOnlyBuckets: [Bucket],
    now: () => now,
  });
  client = new S3Client({
    endpoint: local.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
});

afterEach(async () => {
  client.destroy();
  await local.close();
});

const changes = async (after = ''): Promise<readonly Pick<ChangedObject, 'name' | 'change'>[]> => {
  const found: Pick<ChangedObject, 'name' | 'change'>[] = [];
  for await (const { changed } of s3EvidenceVersions(client, Bucket, RETENTION_DAYS).changesAfter(after))
    found.push(...changed.map(({ name, change }) => ({ name, change })));
  return found;
};

describe('the list of changed evidence objects', () => {
  test('contains no object that was put once', async () => {
    await putNew(client, { Bucket, Key: 'audit/w/1.ndjson', Body: '1\n' });
    await putNew(client, { Bucket, Key: 'audit/w/1.ndjson', Body: '2\n' });
    expect(await changes()).toEqual([]);
  });

  test('contains each object with a second version, even with the same bytes', async () => {
    local.write(Bucket, 'b', 'same');
    local.write(Bucket, 'a', 'once');
    local.write(Bucket, 'b', 'same');
    expect(await changes()).toEqual([{ name: 'b', change: 'overwritten' }]);
  });

  test('contains each object under a delete marker, and an object put again over its marker twice', async () => {
    local.write(Bucket, 'a', 'once');
    local.hide(Bucket, 'a');
    local.write(Bucket, 'b', 'once');
    local.hide(Bucket, 'b');
    expect(await putNew(client, { Bucket, Key: 'b', Body: 'false' })).toBe(true);
    expect(await changes()).toEqual([
      { name: 'a', change: 'hidden' },
      { name: 'b', change: 'overwritten' },
      { name: 'b', change: 'hidden' },
    ]);
  });

  test('omits the markers that the lifecycle sets after the retention', async () => {
    local.write(Bucket, 'a', 'once');
    now = new Date(now.getTime() + RETENTION_DAYS * DAY_MS - 1);
    local.write(Bucket, 'b', 'once');
    local.hide(Bucket, 'b');
    now = new Date(now.getTime() + 1);
    local.hide(Bucket, 'a');
    expect(await changes()).toEqual([{ name: 'b', change: 'hidden' }]);
  });

  test('covers every page, including an object whose versions are on two pages', async () => {
    for (let i = 0; i < 999; i++) local.write(Bucket, `a/${String(i).padStart(4, '0')}`, '');
    local.write(Bucket, 'b', '1');
    local.write(Bucket, 'b', '2');
    local.write(Bucket, 'c', '');
    local.hide(Bucket, 'c');
    expect(await changes()).toEqual([
      { name: 'b', change: 'overwritten' },
      { name: 'c', change: 'hidden' },
    ]);
    expect(await changes('b')).toEqual([{ name: 'c', change: 'hidden' }]);
  });
});

describe('the audit archive', () => {
  test('puts rows under another name if the name is taken, and leaves the existing object unchanged', async () => {
    const name = 'audit/w/0000000001-0000000002.ndjson';
    local.write(Bucket, name, 'false\n');
    const archive = s3Archive(client, Bucket);
    await archive.put(name, 'true\n');
    await archive.put(name, 'true\n');
    expect(local.read(Bucket, name)).toBe('false\n');
    const [other = '', ...more] = local.keys(Bucket);
    expect(more).toEqual([name]);
    expect(other).toMatch(/^audit\/w\/0000000001-0000000002-[0-9a-f]{16}\.ndjson$/);
    expect(local.read(Bucket, other)).toBe('true\n');
    expect(await changes()).toEqual([]);
  });

  test('is read with its renamed objects, in the order of the last row in each name', async () => {
    const reader = s3ArchiveReader(client, Bucket);
    local.write(Bucket, `audit/w/0000000001-0000000002-${'a'.repeat(16)}.ndjson`, 'not read\n');
    local.write(Bucket, `audit/w/0000000003-0000000004-${'9'.repeat(16)}.ndjson`, '');
    const portions: unknown[] = [];
    for await (const rows of reader.rowsAfter('w', 2)) portions.push(rows);
    expect(portions).toEqual([[]]);
  });
});
