import { request } from 'node:http';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalS3, startLocalS3 } from '../../../local/s3/server.ts';
import { s3Rules } from '../../../local/strict/s3/rules.ts';

interface Call {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent in chunks, without a Content-Length. */
  readonly chunked?: boolean;
}

const BODY = 'row\n';
const MD5 = '9lnoitm5oeein2nvOjWwnw==';
const MODE = 'x-amz-object-lock-mode';
const UNTIL = 'x-amz-object-lock-retain-until-date';
const HOLD = 'x-amz-object-lock-legal-hold';
const FUTURE = '2999-01-01T00:00:00.000Z';
const checksum = { 'x-amz-checksum-sha256': 'g60Fpv/bXJf7gahQFWHjDMNFi+1ag1JekxrLD4SGo5M=' };
const put = (headers: Call['headers'] = {}, key = 'a'): Call => ({
  method: 'PUT',
  path: `/plain/${key}`,
  headers,
});
const putLocked = (headers: Call['headers'] = {}): Call => ({ method: 'PUT', path: '/locked/a', headers });

/** By the name of the rule: requests that break it, each with the message of S3. */
const CASES: Readonly<Record<string, readonly (readonly [Call, string])[]>> = {
  'A bucket has a name of 3 to 63 small letters, digits, dots and hyphens': [
    'ab',
    'Archive',
    'a..b',
    '10.0.0.1',
    'x-s3alias',
  ].map((bucket) => [{ path: `/${bucket}/a` }, 'The specified bucket is not valid.']),
  'The key of an object has at most 1,024 bytes': [
    [put({}, 'k'.repeat(1_025)), 'Your key is too long'],
    [put({}, encodeURIComponent('é'.repeat(513))), 'Your key is too long'],
  ],
  'The metadata of an object have at most 2 KB': [
    [
      put({ 'x-amz-meta-a': 'x'.repeat(2_048) }),
      'Your metadata headers exceed the maximum allowed metadata size',
    ],
  ],
  'A put says how long its body is': [
    [
      { ...put({ 'transfer-encoding': 'chunked' }), chunked: true },
      'You must provide the Content-Length HTTP header.',
    ],
  ],
  'A Content-MD5 is the base64 of 16 bytes': [
    [put({ 'content-md5': 'short' }), 'The Content-MD5 you specified was invalid.'],
  ],
  'A Content-MD5 is that of the body': [
    [
      put({ 'content-md5': Buffer.alloc(16).toString('base64') }),
      'The Content-MD5 you specified did not match what we received.',
    ],
  ],
  'A put into a bucket with Object Lock carries a checksum': [
    [
      putLocked(),
      'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
    ],
    [
      putLocked({ [MODE]: 'GOVERNANCE', [UNTIL]: FUTURE, 'x-amz-checksum-algorithm': 'SHA256' }),
      'Content-MD5 OR x-amz-checksum- HTTP header is required for Put Object requests with Object Lock parameters',
    ],
  ],
  'A bucket without Object Lock locks nothing': [
    [
      put({ ...checksum, [MODE]: 'GOVERNANCE', [UNTIL]: FUTURE }),
      'Bucket is missing Object Lock Configuration',
    ],
  ],
  'A retention has a mode and a date': [
    [
      putLocked({ ...checksum, [MODE]: 'GOVERNANCE' }),
      'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied',
    ],
    [
      putLocked({ ...checksum, [UNTIL]: FUTURE }),
      'x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied',
    ],
  ],
  'The mode of a retention is GOVERNANCE or COMPLIANCE': [
    [putLocked({ ...checksum, [MODE]: 'STRICT', [UNTIL]: FUTURE }), 'Unknown wormMode directive.'],
  ],
  'A retention ends in the future': ['2020-01-01T00:00:00.000Z', 'tomorrow'].map((date) => [
    putLocked({ ...checksum, [MODE]: 'COMPLIANCE', [UNTIL]: date }),
    'The retain until date must be in the future!',
  ]),
  'A legal hold is ON or OFF': [
    [putLocked({ ...checksum, [HOLD]: 'YES' }), 'Legal Hold must be either of "ON" or "OFF"'],
  ],
  'The If-None-Match of a put is *': [
    [
      put({ 'if-none-match': '"etag"' }),
      'A header you provided implies functionality that is not implemented',
    ],
  ],
  'A bucket whose policy asks for If-None-Match takes no put without it': [
    [{ method: 'PUT', path: '/create-only/a' }, 'Access Denied'],
  ],
  'A version marker comes with the marker of its key': [
    [
      { path: '/plain?versions&version-id-marker=1' },
      'A version-id marker cannot be specified without a key marker.',
    ],
  ],
  'A list asks for zero or more keys': [
    [
      { path: '/plain?list-type=2&max-keys=-1' },
      'Argument maxKeys must be an integer between 0 and 2147483647',
    ],
    [{ path: '/plain?list-type=2&max-keys=ten' }, 'Provided max-keys not an integer or within integer range'],
  ],
};

let s3: LocalS3;
beforeAll(async () => {
  s3 = await startLocalS3({
    buckets: ['plain', 'locked', 'create-only'],
    lockedBuckets: ['locked'],
    createOnlyBuckets: ['create-only'],
  });
});
afterAll(() => s3.close());

const send = ({ method = 'GET', path, headers, chunked = false }: Call) =>
  new Promise<{ status: number | undefined; text: string; rule: unknown; source: unknown }>(
    (resolve, reject) => {
      const { hostname, port } = new URL(s3.endpoint);
      const length = method === 'PUT' && !chunked ? { 'content-length': BODY.length } : {};
      const sent = request({ hostname, port, method, path, headers: { ...length, ...headers } }, (answer) => {
        let text = '';
        answer.on('data', (chunk) => {
          text += chunk;
        });
        answer.on('end', () =>
          resolve({
            status: answer.statusCode,
            text,
            rule: answer.headers['x-strict-rule'],
            source: answer.headers['x-strict-source'],
          }),
        );
      });
      sent.on('error', reject);
      sent.end(method === 'PUT' ? BODY : undefined);
    },
  );

const xmlText = (text: string): string =>
  text.replace(/[<>&"']/g, (character) => `&#${character.codePointAt(0)};`);

describe('The strict layer of the local S3', () => {
  it('has a test for each of its rules', () => {
    expect(Object.keys(CASES)).toEqual(s3Rules.map(({ name }) => name));
  });

  it.each(s3Rules)('applies the rule: $name', async ({ name, source, error, status }) => {
    const broken = CASES[name] ?? [];
    expect(broken).not.toEqual([]);
    for (const [call, message] of broken) {
      const answer = await send(call);
      expect(answer).toMatchObject({ status: status ?? 400, rule: name, source });
      expect(answer.text).toContain(`<Code>${error}</Code><Message>${xmlText(message)}</Message>`);
    }
  });

  it('accepts requests that S3 accepts', async () => {
    for (const call of [
      put({}, 'k'.repeat(1_000)),
      put({ 'x-amz-meta-a': 'x'.repeat(2_000), 'content-md5': MD5 }),
      putLocked({ 'content-md5': MD5 }),
      putLocked({ 'content-md5': MD5, [MODE]: 'COMPLIANCE', [UNTIL]: FUTURE, [HOLD]: 'ON' }),
      { path: '/plain?list-type=2&max-keys=0' },
    ])
      expect(await send(call)).toMatchObject({ status: 200 });
  });
});
