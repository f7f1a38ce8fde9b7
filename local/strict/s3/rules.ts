import { createHash } from 'node:crypto';
import type { Rule } from '../rule.ts';

/** One request to S3, path style. */
export interface S3Request {
  readonly operation: 'PutObject' | 'GetObject' | 'ListObjectsV2' | 'ListObjectVersions';
  readonly bucket: string;
  readonly key: string;
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly query: URLSearchParams;
  readonly body: Buffer;
  /** Whether the bucket has Object Lock, with a default retention. */
  readonly locked: boolean;
  /** Whether the policy of the bucket refuses a put that could overwrite. */
  readonly createOnly: boolean;
  readonly now: Date;
}

const GUIDE = 'https://docs.aws.amazon.com/AmazonS3/latest/userguide';
const API = 'https://docs.aws.amazon.com/AmazonS3/latest/API';
const OBJECT_LOCK = `${GUIDE}/object-lock-managing.html`;
const PUT_OBJECT = `${API}/API_PutObject.html`;
const METADATA = `${GUIDE}/UsingMetadata.html`;
const KEYS = `${GUIDE}/object-keys.html`;
const BUCKETS = `${GUIDE}/bucketnamingrules.html`;

const MAX_KEY_BYTES = 1_024;
const MAX_METADATA_BYTES = 2_048;
const BUCKET =
  /^(?!xn--|sthree-|amzn-s3-demo-)(?!.*(-s3alias|--ol-s3|--x-s3)$)(?!.*\.\.)(?!(\d+\.){3}\d+$)[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/;
const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const HOLD = 'x-amz-object-lock-legal-hold';

const putting = (
  { operation, ...request }: S3Request,
  refuses: (request: Omit<S3Request, 'operation'>) => string | undefined,
): string | undefined => (operation === 'PutObject' ? refuses(request) : undefined);

const hasChecksum = (headers: S3Request['headers']): boolean =>
  headers['content-md5'] !== undefined ||
  Object.keys(headers).some((name) => /^x-amz-checksum-(crc|sha)/.test(name));

/** Requests that S3 refuses regardless of the bucket's content. */
export const s3Rules: readonly Rule<S3Request>[] = [
  {
    name: 'A bucket has a name of 3 to 63 small letters, digits, dots and hyphens',
    source: BUCKETS,
    error: 'InvalidBucketName',
    refuses: ({ bucket }) => (BUCKET.test(bucket) ? undefined : 'The specified bucket is not valid.'),
  },
  {
    name: 'The key of an object has at most 1,024 bytes',
    source: KEYS,
    error: 'KeyTooLongError',
    refuses: ({ key }) => (Buffer.byteLength(key) > MAX_KEY_BYTES ? 'Your key is too long' : undefined),
  },
  {
    name: 'The metadata of an object have at most 2 KB',
    source: METADATA,
    error: 'MetadataTooLarge',
    refuses: (request) =>
      putting(request, ({ headers }) => {
        const size = Object.entries(headers)
          .filter(([name]) => name.startsWith('x-amz-meta-'))
          .reduce(
            (sum, [name, value]) =>
              sum + name.length - 'x-amz-meta-'.length + Buffer.byteLength(String(value)),
            0,
          );
        return size > MAX_METADATA_BYTES
          ? 'Your metadata headers exceed the maximum allowed metadata size'
          : undefined;
      }),
  },
  {
    name: 'A put says how long its body is',
    source: PUT_OBJECT,
    error: 'MissingContentLength',
    status: 411,
    refuses: (request) =>
      putting(request, ({ headers }) =>
        headers['content-length'] === undefined
          ? 'You must provide the Content-Length HTTP header.'
          : undefined,
      ),
  },
  {
    name: 'A Content-MD5 is the base64 of 16 bytes',
    source: PUT_OBJECT,
    error: 'InvalidDigest',
    refuses: (request) =>
      putting(request, ({ headers: { 'content-md5': md5 } }) =>
        md5 === undefined || Buffer.from(String(md5), 'base64').byteLength === 16
          ? undefined
          : 'The Content-MD5 you specified was invalid.',
      ),
  },
  {
    name: 'A Content-MD5 is that of the body',
    source: PUT_OBJECT,
    error: 'BadDigest',
    refuses: (request) =>
      putting(request, ({ headers: { 'content-md5': md5 }, body }) =>
        md5 === undefined || md5 === createHash('md5').update(body).digest('base64')
          ? undefined
          : 'The Content-MD5 you specified did not match what we received.',
      ),
  },
  {
    name: 'A put into a bucket with Object Lock carries a checksum',
    source: OBJECT_LOCK,
    error: 'InvalidRequest',
    refuses: (request) =>
      putting(request, ({ locked, headers }) =>
        (locked || headers[MODE] !== undefined || headers[HOLD] !== undefined) && !hasChecksum(headers)
          ? 'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters'
          : undefined,
      ),
  },
  {
    name: 'A bucket without Object Lock locks nothing',
    source: OBJECT_LOCK,
    error: 'InvalidRequest',
    refuses: (request) =>
      putting(request, ({ locked, headers }) =>
        !locked && [MODE, UNTIL, HOLD].some((name) => headers[name] !== undefined)
          ? 'Bucket is missing Object Lock Configuration'
          : undefined,
      ),
  },
  {
    name: 'A retention has a mode and a date',
    source: PUT_OBJECT,
    error: 'InvalidArgument',
    refuses: (request) =>
      putting(request, ({ headers }) =>
        (headers[MODE] === undefined) !== (headers[UNTIL] === undefined)
          ? 'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied'
          : undefined,
      ),
  },
  {
    name: 'The mode of a retention is GOVERNANCE or COMPLIANCE',
    source: PUT_OBJECT,
    error: 'InvalidArgument',
    refuses: (request) =>
      putting(request, ({ headers }) =>
        headers[MODE] === undefined || ['GOVERNANCE', 'COMPLIANCE'].includes(String(headers[MODE]))
          ? undefined
          : 'Unknown wormMode directive.',
      ),
  },
  {
    name: 'A retention ends in the future',
    source: PUT_OBJECT,
    error: 'InvalidArgument',
    refuses: (request) =>
      putting(request, ({ headers, now }) =>
        headers[UNTIL] !== undefined && !(Date.parse(String(headers[UNTIL])) > now.getTime())
          ? 'The retain until date must be in the future!'
          : undefined,
      ),
  },
  {
    name: 'A legal hold is ON or OFF',
    source: PUT_OBJECT,
    error: 'InvalidArgument',
    refuses: (request) =>
      putting(request, ({ headers }) =>
        headers[HOLD] === undefined || ['ON', 'OFF'].includes(String(headers[HOLD]))
          ? undefined
          : 'Legal Hold must be either of "ON" or "OFF"',
      ),
  },
  {
    name: 'The If-None-Match of a put is *',
    source: `${GUIDE}/conditional-writes.html`,
    error: 'NotImplemented',
    status: 501,
    refuses: (request) =>
      putting(request, ({ headers: { 'if-none-match': condition } }) =>
        condition === undefined || condition === '*'
          ? undefined
          : 'A header you provided implies functionality that is not implemented',
      ),
  },
  {
    name: 'A bucket whose policy asks for If-None-Match takes no put without it',
    source: `${GUIDE}/conditional-writes-enforce.html`,
    error: 'AccessDenied',
    status: 403,
    refuses: (request) =>
      putting(request, ({ createOnly, headers }) =>
        createOnly && headers['if-none-match'] === undefined ? 'Access Denied' : undefined,
      ),
  },
  {
    name: 'A version marker comes with the marker of its key',
    source: `${API}/API_ListObjectVersions.html`,
    error: 'InvalidArgument',
    refuses: ({ operation, query }) =>
      operation === 'ListObjectVersions' && query.has('version-id-marker') && !query.has('key-marker')
        ? 'A version-id marker cannot be specified without a key marker.'
        : undefined,
  },
  {
    name: 'A list asks for zero or more keys',
    source: `${API}/API_ListObjectsV2.html`,
    error: 'InvalidArgument',
    refuses: ({ operation, query }) => {
      const keys = query.get('max-keys');
      if (operation !== 'ListObjectsV2' || keys === null) return undefined;
      if (!/^-?\d+$/.test(keys)) return 'Provided max-keys not an integer or within integer range';
      return Number(keys) < 0 ? 'Argument maxKeys must be an integer between 0 and 2147483647' : undefined;
    },
  },
];
