/**
 * A stand-in for Amazon S3, for local use and tests only. It is insecure: it checks no signature, and no policy except that of
 * `createOnlyBuckets`, and locks nothing. Path style; PutObject, GetObject, ListObjectsV2 and ListObjectVersions, as far as
 * the archive needs them. Versions are listed but not stored: only the newest body can be read.
 */
import { createHash, randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { join } from 'node:path';
import { Faults, type KmsFault } from '../kms/faults.ts';
import { LOOPBACK, listen } from '../listen.ts';
import { type Refusal, refusalHeaders, refusalOf } from '../strict/rule.ts';
import { type S3Request, s3Rules } from '../strict/s3/rules.ts';
import { fileStore, isStorableKey, memoryStore, type ObjectStore } from './object-store.ts';
import { type VersionedStore, versioned } from './versions.ts';

const MAX_BODY_BYTES = 16 * 1024 * 1024;
/** S3's own page: https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html */
const MAX_KEYS = 1_000;

export type S3Operation = S3Request['operation'];

/** An error to answer with instead of doing the work, for `times` calls. */
export type S3Fault = Pick<KmsFault, 'errorName' | 'times'> & { readonly operation?: S3Operation };

/** A running local S3. */
export interface LocalS3 {
  readonly endpoint: string;
  /** Keys of a bucket, in order. */
  keys(bucket: string): readonly string[];
  /** The text of an object; undefined when there is none. */
  read(bucket: string, key: string): string | undefined;
  /** Puts an object as a service of AWS would, past the API. */
  write(bucket: string, key: string, body: Buffer | string): void;
  /** Puts a delete marker over an object, as a person with the right to delete would. */
  hide(bucket: string, key: string): void;
  inject(fault: S3Fault): void;
  clearFaults(): void;
  close(): Promise<void>;
}

class S3Error extends Error {
  override readonly name: string;
  readonly statusCode: number;

  constructor(name: string, statusCode: number, message: string) {
    super(message);
    this.name = name;
    this.statusCode = statusCode;
  }
}

interface Answer {
  readonly statusCode: number;
  readonly body: Buffer | string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** Listens on loopback only. With `dir` the objects are files below it and outlive the process. */
export const startLocalS3 = async (options: {
  readonly buckets: readonly string[];
  /** The buckets with Object Lock and a default retention. S3's rules for them apply, but nothing is locked. */
  readonly lockedBuckets?: readonly string[];
  /** The buckets whose policy refuses a put that could overwrite an object. */
  readonly createOnlyBuckets?: readonly string[];
  readonly dir?: string;
  readonly port?: number;
  /** @default the time of this machine */
  readonly now?: () => Date;
}): Promise<LocalS3> => {
  const { dir } = options;
  const now = options.now ?? (() => new Date());
  const stores = new Map<string, VersionedStore>(
    options.buckets.map((bucket) => [
      bucket,
      versioned(dir === undefined ? memoryStore() : fileStore(join(dir, bucket)), now),
    ]),
  );
  const faults = new Faults();
  const buckets: Buckets = {
    stores,
    locked: new Set(options.lockedBuckets),
    createOnly: new Set(options.createOnlyBuckets),
  };
  const server = createServer((request, response) => void serve(buckets, faults, request, response));
  const port = await listen(server, options.port);

  let closed: Promise<void> | undefined;
  return {
    endpoint: `http://${LOOPBACK}:${port}`,
    keys: (bucket) => stores.get(bucket)?.keys() ?? [],
    read: (bucket, key) => stores.get(bucket)?.get(key)?.toString('utf8'),
    write: (bucket, key, body) => stores.get(bucket)?.put(key, Buffer.from(body)),
    hide: (bucket, key) => stores.get(bucket)?.hide(key),
    inject: (fault) => faults.inject(fault),
    clearFaults: () => faults.clear(),
    close: () => {
      closed ??= new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      });
      return closed;
    },
  };
};

interface Buckets {
  readonly stores: ReadonlyMap<string, VersionedStore>;
  readonly locked: ReadonlySet<string>;
  readonly createOnly: ReadonlySet<string>;
}

const serve = async (
  buckets: Buckets,
  faults: Faults,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> => {
  const requestId = randomUUID();
  let answer: Answer;
  try {
    answer = answerOf(buckets, faults, request, await readBody(request));
  } catch (error) {
    if (request.socket.destroyed) return;
    answer = errorAnswer(error, requestId);
  }
  response.writeHead(answer.statusCode, {
    ...answer.headers,
    'x-amz-request-id': requestId,
    'content-length': Buffer.byteLength(answer.body),
  });
  response.end(answer.body);
};

const answerOf = (
  { stores, locked, createOnly }: Buckets,
  faults: Faults,
  request: IncomingMessage,
  body: Buffer,
): Answer => {
  // Otherwise, a web page whose host name points at loopback could read responses as its own origin.
  const host = request.headers.host?.replace(/:\d+$/, '');
  if (host !== LOOPBACK && host !== 'localhost')
    throw new S3Error('AccessDenied', 403, 'Only requests to loopback are answered.');
  // Split before URL parsing: it would resolve `..` and `%2e%2e` in the path.
  const [path = '/', query = ''] = (request.url ?? '/').split('?', 2);
  const [bucket = '', ...segments] = path.slice(1).split('/').map(decode);
  const key = segments.join('/');
  const operation = operationOf(request.method, key, new URLSearchParams(query));
  const fault = faults.take(operation);
  if (fault?.errorName !== undefined) throw new S3Error(fault.errorName, 503, 'An injected fault.');
  const refusal = refusalOf(s3Rules, {
    operation,
    bucket,
    key,
    headers: request.headers,
    query: new URLSearchParams(query),
    body,
    locked: locked.has(bucket),
    createOnly: createOnly.has(bucket),
    now: new Date(),
  });
  if (refusal !== undefined) return refused(refusal);
  const store = stores.get(bucket);
  if (store === undefined) throw new S3Error('NoSuchBucket', 404, 'The specified bucket does not exist');
  if (operation === 'ListObjectsV2') return listObjects(bucket, store, new URLSearchParams(query));
  if (operation === 'ListObjectVersions') return listVersions(bucket, store, new URLSearchParams(query));
  if (!isStorableKey(key)) throw new S3Error('InvalidArgument', 400, 'The key cannot be stored here.');
  return operation === 'PutObject' ? putObject(store, key, request, body) : getObject(store, key);
};

const operationOf = (method: string | undefined, key: string, query: URLSearchParams): S3Operation => {
  // A query of any other kind asks for a sub-resource: acl, versionId, uploads, …
  const plain = [...query.keys()].every((name) => name === 'x-id');
  if (method === 'PUT' && key !== '' && plain) return 'PutObject';
  if (method === 'GET' && key !== '' && plain) return 'GetObject';
  if (method === 'GET' && key === '' && query.get('list-type') === '2') return 'ListObjectsV2';
  if (method === 'GET' && key === '' && query.has('versions')) return 'ListObjectVersions';
  throw new S3Error('NotImplemented', 501, 'There is no such operation here.');
};

const putObject = (store: ObjectStore, key: string, { headers }: IncomingMessage, body: Buffer): Answer => {
  if (headers['content-encoding']?.includes('aws-chunked') === true || headers['if-match'] !== undefined)
    throw new S3Error('NotImplemented', 501, 'Streamed bodies and If-Match are not supported locally.');
  // A name whose newest version is a delete marker is free.
  if (headers['if-none-match'] !== undefined && store.get(key) !== undefined)
    throw new S3Error(
      'PreconditionFailed',
      412,
      'At least one of the pre-conditions you specified did not hold',
    );
  const claimed = headers['x-amz-checksum-sha256'];
  if (claimed !== undefined && claimed !== createHash('sha256').update(body).digest('base64'))
    throw new S3Error('BadDigest', 400, 'The SHA256 you specified did not match what we received.');
  store.put(key, body);
  return { statusCode: 200, body: '', headers: { etag: etagOf(body) } };
};

const getObject = (store: ObjectStore, key: string): Answer => {
  const body = store.get(key);
  if (body === undefined) throw new S3Error('NoSuchKey', 404, 'The specified key does not exist.');
  return {
    statusCode: 200,
    body,
    headers: { 'content-type': 'binary/octet-stream', etag: etagOf(body) },
  };
};

/** Versions by key, newest first. Both markers are of the last version of the page before. */
const listVersions = (bucket: string, store: VersionedStore, query: URLSearchParams): Answer => {
  const prefix = query.get('prefix') ?? '';
  const limit = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
  const [afterKey, afterVersion] = [query.get('key-marker'), query.get('version-id-marker')];
  const all = store.versions().filter(({ key }) => key.startsWith(prefix));
  const rest = all.filter(({ key }, index) => {
    if (afterKey === null) return true;
    const order = Buffer.compare(Buffer.from(key), Buffer.from(afterKey));
    const marker = all.findIndex((each) => each.key === afterKey && each.version === afterVersion);
    return order > 0 || (order === 0 && marker !== -1 && index > marker);
  });
  const page = rest.slice(0, limit);
  const last = page.at(-1);
  const truncated = rest.length > page.length && last !== undefined;
  const entries = page.map(({ key, version, at, isMarker }, index) => {
    const isLatest = page[index - 1]?.key !== key && afterKey !== key;
    const fields = `<Key>${escapeXml(key)}</Key><VersionId>${version}</VersionId><IsLatest>${isLatest}</IsLatest><LastModified>${at.toISOString()}</LastModified>`;
    return isMarker ? `<DeleteMarker>${fields}</DeleteMarker>` : `<Version>${fields}</Version>`;
  });
  const next = truncated
    ? `<NextKeyMarker>${escapeXml(last.key)}</NextKeyMarker><NextVersionIdMarker>${last.version}</NextVersionIdMarker>`
    : '';
  return xml(
    200,
    `<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${escapeXml(bucket)}</Name><Prefix>${escapeXml(prefix)}</Prefix><MaxKeys>${limit}</MaxKeys><IsTruncated>${truncated}</IsTruncated>${next}${entries.join('')}</ListVersionsResult>`,
  );
};

/** The continuation token is the last key of the page before. */
const listObjects = (bucket: string, store: ObjectStore, query: URLSearchParams): Answer => {
  const prefix = query.get('prefix') ?? '';
  const after = decodeToken(query.get('continuation-token')) ?? query.get('start-after') ?? '';
  const limit = Math.min(Number(query.get('max-keys') ?? MAX_KEYS), MAX_KEYS);
  const delimiter = query.get('delimiter') ?? '';
  // A common prefix appears once in the list for all keys below it.
  const entryOf = (key: string): string => {
    const end = delimiter === '' ? -1 : key.indexOf(delimiter, prefix.length);
    return end === -1 ? key : key.slice(0, end + delimiter.length);
  };
  const keys = [
    ...new Set(
      store
        .keys()
        .filter((key) => key.startsWith(prefix))
        .map(entryOf),
    ),
  ];
  const rest = keys.filter((key) => Buffer.compare(Buffer.from(key), Buffer.from(after)) > 0);
  const page = rest.slice(0, limit);
  const truncated = rest.length > page.length;
  const contents = page.map((key) => {
    if (delimiter !== '' && key.indexOf(delimiter, prefix.length) !== -1)
      return `<CommonPrefixes><Prefix>${escapeXml(key)}</Prefix></CommonPrefixes>`;
    const body = store.get(key) ?? Buffer.alloc(0);
    return `<Contents><Key>${escapeXml(key)}</Key><ETag>${escapeXml(etagOf(body))}</ETag><Size>${body.byteLength}</Size><StorageClass>STANDARD</StorageClass></Contents>`;
  });
  const next = truncated
    ? `<NextContinuationToken>${Buffer.from(page.at(-1) ?? '').toString('base64url')}</NextContinuationToken>`
    : '';
  return xml(
    200,
    `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>${escapeXml(bucket)}</Name><Prefix>${escapeXml(prefix)}</Prefix><KeyCount>${page.length}</KeyCount><MaxKeys>${limit}</MaxKeys><IsTruncated>${truncated}</IsTruncated>${next}${contents.join('')}</ListBucketResult>`,
  );
};

const decodeToken = (token: string | null): string | undefined =>
  token === null ? undefined : Buffer.from(token, 'base64url').toString('utf8');

const etagOf = (body: Buffer): string => `"${createHash('md5').update(body).digest('hex')}"`;

/** The message of an unexpected error is not sent. */
const errorAnswer = (error: unknown, requestId: string): Answer => {
  const known = error instanceof S3Error ? error : new S3Error('InternalError', 500, 'An internal error.');
  return errorXml(known.statusCode, known.name, known.message, requestId);
};

/** S3's refusal; the headers name the rule of AWS behind it. */
const refused = (refusal: Refusal): Answer => {
  const answer = errorXml(refusal.status, refusal.error, refusal.message, randomUUID());
  return { ...answer, headers: { ...answer.headers, ...refusalHeaders(refusal) } };
};

const errorXml = (statusCode: number, code: string, message: string, requestId: string): Answer =>
  xml(
    statusCode,
    `<Error><Code>${escapeXml(code)}</Code><Message>${escapeXml(message)}</Message><RequestId>${requestId}</RequestId></Error>`,
  );

const xml = (statusCode: number, body: string): Answer => ({
  statusCode,
  body: `<?xml version="1.0" encoding="UTF-8"?>\n${body}`,
  headers: { 'content-type': 'application/xml' },
});

const escapeXml = (text: string): string =>
  text.replace(/[<>&"'\r\n\t]/g, (character) => `&#${character.codePointAt(0)};`);

const decode = (segment: string): string => {
  try {
    return decodeURIComponent(segment);
  } catch {
    throw new S3Error('InvalidURI', 400, "Couldn't parse the specified URI.");
  }
};

const readBody = async (request: IncomingMessage): Promise<Buffer> => {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes <= MAX_BODY_BYTES) chunks.push(chunk);
  }
  if (bytes > MAX_BODY_BYTES) throw new S3Error('EntityTooLarge', 400, 'Your proposed upload is too large.');
  return Buffer.concat(chunks);
};
