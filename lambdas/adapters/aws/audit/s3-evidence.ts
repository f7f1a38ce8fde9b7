import { gunzipSync } from 'node:zlib';
import {
  GetObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandInput,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import type { ArchiveReader, TrailFile, TrailReader } from '../../../use-cases/ports/audit.ts';
import { callAws } from '../aws-calls.ts';
import { parseArchivedRows } from './archived-rows.ts';
import { parseCloudTrail } from './cloudtrail-records.ts';

const DAY_MS = 86_400_000;
/** The largest batch of the archiver, records (lib/constructs/stream-function.ts). An object holds no more rows. */
const MAX_ROWS_OF_AN_OBJECT = 100;
/** A quiet workspace has one row per object, and a read takes about 20 ms. */
const OBJECTS_AT_ONCE = 8;

/** Every page of a list of the bucket. */
const pagesOf = async function* (
  s3: S3Client,
  list: ListObjectsV2CommandInput,
): AsyncGenerator<ListObjectsV2CommandOutput> {
  let ContinuationToken: string | undefined;
  do {
    const page = await callAws('s3', 'ListObjectsV2', () =>
      s3.send(
        new ListObjectsV2Command({ ...list, ...(ContinuationToken !== undefined && { ContinuationToken }) }),
      ),
    );
    yield page;
    ContinuationToken = page.NextContinuationToken;
  } while (ContinuationToken !== undefined);
};

/** Keys below `prefix` that sort after `after`, in order. */
export const keysBelow = async function* (
  s3: S3Client,
  Bucket: string,
  Prefix: string,
  after?: string,
): AsyncGenerator<string> {
  const list = { Bucket, Prefix, ...(after !== undefined && { StartAfter: after }) };
  for await (const { Contents } of pagesOf(s3, list))
    for (const { Key } of Contents ?? []) if (Key !== undefined) yield Key;
};

/** The folders below `prefix`, which ends in `/`, each with its own `/`. */
const foldersBelow = async function* (s3: S3Client, Bucket: string, Prefix: string): AsyncGenerator<string> {
  for await (const { CommonPrefixes } of pagesOf(s3, { Bucket, Prefix, Delimiter: '/' }))
    for (const folder of CommonPrefixes ?? []) if (folder.Prefix !== undefined) yield folder.Prefix;
};

/** The text of an object, unpacked when its name ends in `.gz`. */
export const readText = async (s3: S3Client, Bucket: string, Key: string): Promise<string> => {
  const bytes = await callAws('s3', 'GetObject', async () => {
    const { Body } = await s3.send(new GetObjectCommand({ Bucket, Key }));
    return Body?.transformToByteArray();
  });
  if (bytes === undefined) throw new DependencyUnavailableError('s3', 'GetObject', 'EmptyAnswer');
  return Buffer.from(Key.endsWith('.gz') ? gunzipSync(bytes) : bytes).toString('utf8');
};

/**
 * `<account>_CloudTrail_<region>_<minute of delivery, UTC>_<unique>.json.gz`:
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/get-and-view-cloudtrail-log-files.html
 */
const DELIVERED = /_(\d{4})(\d{2})(\d{2})T(\d{2})(\d{2})Z_[^/]*\.json\.gz$/;

const fileOf = (name: string): TrailFile | undefined => {
  const [, year, month, day, hour, minute] = DELIVERED.exec(name) ?? [];
  return year === undefined ? undefined : { name, at: `${year}-${month}-${day}T${hour}:${minute}:00.000Z` };
};

/**
 * CloudTrail's log files in its bucket, for every account and region. They are in one folder for each day of delivery:
 * `AWSLogs/<account>/CloudTrail/<region>/<yyyy>/<mm>/<dd>/`. CloudTrail's digests are in another folder.
 */
export const s3Trail = (s3: S3Client, bucket: string, clock: () => Date): TrailReader => ({
  filesSince: async function* (since) {
    for await (const account of foldersBelow(s3, bucket, 'AWSLogs/'))
      for await (const region of foldersBelow(s3, bucket, `${account}CloudTrail/`))
        for (let day = startOfDay(since); day <= clock().getTime(); day += DAY_MS) {
          const folder = `${region}${new Date(day).toISOString().slice(0, 10).replaceAll('-', '/')}/`;
          for await (const name of keysBelow(s3, bucket, folder)) {
            const file = fileOf(name);
            if (file === undefined) throw new Error('An object between the logs of CloudTrail is none.');
            if (Date.parse(file.at) >= startOfMinute(since)) yield file;
          }
        }
  },
  readDecrypts: async ({ name }) => parseCloudTrail(await readText(s3, bucket, name)),
});

const startOfDay = (time: Date): number => Math.floor(time.getTime() / DAY_MS) * DAY_MS;
const startOfMinute = (time: Date): number => Math.floor(time.getTime() / 60_000) * 60_000;

const ARCHIVE = 'audit/';
const padded = (sequence: number): string => String(sequence).padStart(10, '0');

/** The archive as the archiver writes it: `audit/<workspace>/<first sequence>-<last sequence>.ndjson`. */
export const s3ArchiveReader = (s3: S3Client, bucket: string): ArchiveReader => ({
  workspaces: async function* () {
    for await (const folder of foldersBelow(s3, bucket, ARCHIVE)) yield folder.slice(ARCHIVE.length, -1);
  },
  rowsAfter: async function* (workspaceId, sequence) {
    const folder = `${ARCHIVE}${workspaceId}/`;
    // An object that begins earlier can hold later rows as well, as many as a batch has.
    const after = `${folder}${padded(Math.max(0, sequence - MAX_ROWS_OF_AN_OBJECT))}`;
    let keys: string[] = [];
    for await (const key of keysBelow(s3, bucket, folder, after)) {
      const last = Number(
        /^\d+-(\d+)(?:-[0-9a-f]{16})?\.ndjson$/.exec(key.slice(folder.length))?.[1] ??
          Number.POSITIVE_INFINITY,
      );
      if (last > sequence) keys.push(key);
      if (keys.length < OBJECTS_AT_ONCE) continue;
      yield* await readRows(s3, bucket, keys);
      keys = [];
    }
    yield* await readRows(s3, bucket, keys);
  },
});

const readRows = (s3: S3Client, bucket: string, keys: readonly string[]) =>
  Promise.all(keys.map(async (key) => parseArchivedRows(await readText(s3, bucket, key))));
