import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { GetObjectCommand, ListObjectsV2Command, PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { afterEach, describe, expect, it } from '@jest/globals';
import { type LocalS3, startLocalS3 } from '../../../local/s3/server.ts';

const Bucket = 'archive';
const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  await Promise.all(open.splice(0).map((part) => part.close()));
});

const start = async (dir?: string): Promise<{ s3: LocalS3; client: S3Client }> => {
  const s3 = await startLocalS3({ buckets: [Bucket], ...(dir !== undefined && { dir }) });
  open.push(s3);
  const client = new S3Client({
    endpoint: s3.endpoint,
    region: 'us-east-1',
    forcePathStyle: true,
    maxAttempts: 1,
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
  });
  return { s3, client };
};

const put = (client: S3Client, Key: string, Body: string) =>
  client.send(new PutObjectCommand({ Bucket, Key, Body, ChecksumAlgorithm: 'SHA256' }));

const get = async (client: S3Client, Key: string) => {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }));
  return Body?.transformToString();
};

describe('the local S3, through the real client', () => {
  it('returns a stored object, and the later one of two puts', async () => {
    const { client, s3 } = await start();
    await put(client, 'a/b c/ü&<.ndjson', 'first\n');
    await put(client, 'a/b c/ü&<.ndjson', 'second ✓\n');
    expect(await get(client, 'a/b c/ü&<.ndjson')).toBe('second ✓\n');
    expect(s3.read(Bucket, 'a/b c/ü&<.ndjson')).toBe('second ✓\n');
  });

  it('lists by prefix in the order of bytes, page by page', async () => {
    const { client } = await start();
    for (const key of ['b/2', 'a/10', 'a/2', 'a/<&>', 'a/1']) await put(client, key, key);
    const seen: (string | undefined)[] = [];
    let ContinuationToken: string | undefined;
    do {
      const page = await client.send(
        new ListObjectsV2Command({ Bucket, Prefix: 'a/', MaxKeys: 2, ContinuationToken }),
      );
      seen.push(...(page.Contents ?? []).map(({ Key }) => Key));
      ContinuationToken = page.NextContinuationToken;
    } while (ContinuationToken !== undefined);
    expect(seen).toEqual(['a/1', 'a/10', 'a/2', 'a/<&>']);
  });

  it('returns the errors of S3', async () => {
    const { client, s3 } = await start();
    await expect(get(client, 'nothing')).rejects.toMatchObject({ name: 'NoSuchKey' });
    await expect(
      client.send(new PutObjectCommand({ Bucket: 'other', Key: 'a', Body: 'a' })),
    ).rejects.toMatchObject({ name: 'NoSuchBucket' });
    s3.inject({ operation: 'PutObject', errorName: 'SlowDown', times: 1 });
    await expect(put(client, 'a', 'a')).rejects.toMatchObject({ name: 'SlowDown' });
    await put(client, 'a', 'a');
  });

  it('refuses a body that does not match its checksum', async () => {
    const { client, s3 } = await start();
    await expect(
      client.send(
        new PutObjectCommand({
          Bucket,
          Key: 'a',
          Body: 'changed',
          ChecksumSHA256: Buffer.alloc(32).toString('base64'),
        }),
      ),
    ).rejects.toMatchObject({ name: 'BadDigest' });
    expect(s3.keys(Bucket)).toEqual([]);
  });

  it('keeps objects as files in its folder across a restart', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'spelo-s3-'));
    try {
      const { client, s3 } = await start(dir);
      await put(client, 'audit/w/1.ndjson', 'row\n');
      await s3.close();
      const again = await start(dir);
      expect(again.s3.keys(Bucket)).toEqual(['audit/w/1.ndjson']);
      expect(await get(again.client, 'audit/w/1.ndjson')).toBe('row\n');
      await expect(get(again.client, 'audit/w')).rejects.toMatchObject({ name: 'NoSuchKey' });
    } finally {
      rmSync(dir, { recursive: true, force: true });
    }
  });

  it.each(['/archive/../outside', '/archive/%2e%2e/outside', '/archive/a/..%2Foutside', '/archive/a//b'])(
    'stores nothing at %s',
    async (path) => {
      const { s3 } = await start();
      const { hostname, port } = new URL(s3.endpoint);
      const { request } = await import('node:http');
      const status = await new Promise((resolve, reject) => {
        request({ hostname, port, path, method: 'PUT' }, ({ statusCode }) => resolve(statusCode))
          .on('error', reject)
          .end('x');
      });
      expect(status).toBe(400);
      expect(s3.keys(Bucket)).toEqual([]);
    },
  );

  it('refuses a page that reached it under another host name', async () => {
    const { s3 } = await start();
    const { hostname, port } = new URL(s3.endpoint);
    const { request } = await import('node:http');
    const status = await new Promise((resolve, reject) => {
      request(
        { hostname, port, path: `/${Bucket}?list-type=2`, headers: { host: 'evil.example' } },
        ({ statusCode }) => resolve(statusCode),
      )
        .on('error', reject)
        .end();
    });
    expect(status).toBe(403);
  });
});
