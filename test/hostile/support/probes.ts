import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { ROUTES, type Route, type RouteId } from '../../../lambdas/contract/routes.ts';
import { hostileText } from './hostile-values.ts';
import { changed, render } from './json-node.ts';
import type { Body, ForgedCursor, Person, Probe } from './probe.ts';
import { parametersOf, valuesOf } from './schema-values.ts';

/** Requests to every route of the contract's table, made from its schemas: a new route is in it by itself. */
export const probes = (): fc.Arbitrary<Probe> =>
  fc.oneof(
    ...(Object.keys(ROUTES) as RouteId[]).map((id) => {
      const { body, query }: Route = ROUTES[id];
      // By how much there is to vary.
      const weight = 1 + (body === undefined ? 0 : 3) + (query === undefined ? 0 : 3);
      return { weight, arbitrary: probesOf(id) };
    }),
  );

/** Requests to one route. */
export const probesOf = (id: RouteId): fc.Arbitrary<Probe> => {
  const route: Route = ROUTES[id];
  return fc.record({
    route: fc.constant(id),
    as: route.access === 'public' ? fc.constant('nobody' as const) : people,
    overHttp: fc.boolean(),
    path: pathsOf(route),
    query: queriesOf(route),
    headers: headersOf(route),
    body: bodiesOf(route),
    without: fc.oneof(
      { weight: 12, arbitrary: fc.constant([]) },
      { weight: 1, arbitrary: fc.subarray(['origin', 'content-type', 'authorization', 'x-spelo-signature']) },
    ),
  });
};

/** Mostly a person with rights: a forbidden request is refused before it is read. */
const people: fc.Arbitrary<Person> = fc.oneof(
  { weight: 8, arbitrary: fc.constant('owner' as const) },
  { weight: 1, arbitrary: fc.constantFrom('admin' as const, 'viewer' as const) },
  { weight: 1, arbitrary: fc.constantFrom('nobody' as const, 'stranger' as const, 'removed' as const) },
);

const pathsOf = (route: Route): fc.Arbitrary<Probe['path']> => {
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  if (names.length === 0) return fc.constant({});
  const odd = fc.oneof(
    hostileText,
    fc.constantFrom(
      '<<foreignSiteId>>',
      '<<foreignWorkspaceId>>',
      '<<foreignSessionId>>',
      '<<workspaceId>>',
      '<<siteId>>',
      '0'.repeat(8),
      '0'.repeat(12),
      '0'.repeat(24),
      '0'.repeat(32),
      '0'.repeat(33),
      `ses_${'0'.repeat(26)}`,
      `ses_${'z'.repeat(26)}`,
      'z'.repeat(24),
      '<<siteId>>\n',
      ' <<siteId>>',
      '<<siteId>>/',
    ),
  );
  return fc.oneof(
    { weight: 4, arbitrary: fc.constant({}) },
    {
      weight: 1,
      arbitrary: fc.tuple(fc.constantFrom(...names), odd).map(([name, value]) => ({ [name]: value })),
    },
  );
};

const cursors: fc.Arbitrary<string | ForgedCursor> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.constantFrom('<<cursor>>', '<<alteredCursor>>', '<<strangersCursor>>', '<<otherCursor>>'),
  },
  { weight: 1, arbitrary: hostileText },
  {
    weight: 3,
    arbitrary: fc
      .oneof(
        hostileText,
        fc.constantFrom(
          'SESSION#ses_zzzz',
          'SESSION#ses_',
          `SESSION#ses_${'0'.repeat(26)}`,
          'VERSION#9999999999',
          'MEMBER#<<owner>>',
          'SITE#<<foreignSiteId>>',
          'WORKSPACE#<<foreignWorkspaceId>>',
          `WORKSPACE#${'0'.repeat(12)}`,
          '0000000001',
          '2026-11-23T12:00#workspace#x',
          `MEMBER#${'😀'.repeat(280)}`,
        ),
      )
      .map((forgedPlace) => ({ forgedPlace })),
  },
);

const queriesOf = (route: Route): fc.Arbitrary<Probe['query']> => {
  const odd = fc.array(fc.tuple(hostileText, hostileText), { maxLength: 2 });
  if (route.query === undefined)
    return fc.oneof({ weight: 8, arbitrary: fc.constant([]) }, { weight: 1, arbitrary: odd });
  const named = Object.entries(parametersOf(route.query)).map(([name, value]) =>
    fc.tuple(
      fc.constant(name),
      name === 'cursor' ? cursors : fc.oneof({ weight: 5, arbitrary: value }, hostileText),
    ),
  );
  const some = fc.array(fc.oneof(...named), { maxLength: 4 });
  return fc.oneof(
    { weight: 6, arbitrary: some },
    { weight: 1, arbitrary: fc.tuple(some, odd).map(([known, unknown]) => [...known, ...unknown]) },
  );
};

const MEDIA_TYPES = [
  '',
  'application/json; charset=utf-8',
  'application/json; charset=utf-16',
  'APPLICATION/JSON',
  'application/json;',
  'application/json, text/plain',
  'application/vnd.api+json',
  'text/json',
  'text/plain',
  'text/plain;charset=UTF-8',
  'application/octet-stream',
  'application/x-www-form-urlencoded',
  'multipart/form-data; boundary=x',
  'image/png',
];

const SCHEMES = [
  '',
  'Bearer',
  'Bearer ',
  'bearer <<token>>',
  'Bearer  <<token>>',
  'Basic <<token>>',
  '<<token>>',
];

/** One value of a header that we might be expected to read. */
const anyHeader: fc.Arbitrary<readonly [string, string]> = fc.oneof(
  fc.tuple(fc.constant('content-type'), fc.oneof(fc.constantFrom(...MEDIA_TYPES), hostileText)),
  fc.tuple(
    fc.constant('accept'),
    fc.oneof(
      hostileText,
      fc.constantFrom(
        'text/csv',
        'text/csv;q=0.1, application/json;q=NaN',
        '*/*;q=1e400',
        'text/csv,'.repeat(900),
        `text/csv;${'a="\\'.repeat(1_500)}`,
        `${'a/'.repeat(4_000)}`,
      ),
    ),
  ),
  fc.tuple(fc.constant('authorization'), fc.oneof(fc.constantFrom(...SCHEMES), hostileText)),
  fc.tuple(
    fc.constant('origin'),
    fc.oneof(fc.constantFrom('null', 'https://elsewhere.example'), hostileText),
  ),
  fc.tuple(
    fc.constantFrom(
      'content-encoding',
      'cookie',
      'expect-ct',
      'forwarded',
      'host',
      'idempotency-key',
      'if-match',
      'if-none-match',
      'range',
      'user-agent',
      'x-api-key',
      'x-forwarded-for',
      'x-forwarded-host',
      'x-http-method-override',
      'x-origin-verify',
      'x-request-id',
      'x-viewer-address',
      '__proto__',
      'constructor',
    ),
    fc.oneof(hostileText, fc.constantFrom('gzip', 'DELETE', '127.0.0.1', '*', 'W/"1"', 'x'.repeat(8_000))),
  ),
);

const signatureHeader: fc.Arbitrary<readonly [string, string]> = fc.tuple(
  fc.constant('x-spelo-signature'),
  fc.oneof(
    fc.constantFrom(
      '<<staleSignature>>',
      '<<earlySignature>>',
      '<<foreignSignature>>',
      '<<signature>>,<<signature>>',
    ),
    fc.constantFrom('t=1,v1=', `t=1,v1=${'0'.repeat(64)}`, `t=9${'9'.repeat(20)},v1=${'0'.repeat(64)}`, ''),
    hostileText,
  ),
);

const headersOf = (route: Route): fc.Arbitrary<Probe['headers']> => {
  const one = route.signed === true ? fc.oneof(anyHeader, signatureHeader) : anyHeader;
  return fc.oneof(
    { weight: 3, arbitrary: fc.constant([]) },
    { weight: 1, arbitrary: fc.array(one, { minLength: 1, maxLength: 3 }) },
  );
};

/** Encodings of a text on its way. */
const encodings: fc.Arbitrary<(json: string) => Body> = fc.oneof(
  { weight: 12, arbitrary: fc.constant((json: string): Body => ({ text: json })) },
  {
    weight: 5,
    arbitrary: fc.constantFrom<(json: string) => Body>(
      (json) => ({ text: `\uFEFF${json}` }),
      (json) => ({ text: `${json}\0` }),
      (json) => ({ text: json.slice(0, json.length / 2) }),
      (json) => ({ text: `${json}${json}` }),
      (json) => ({ text: json.padEnd(65_536) }),
      (json) => ({ text: json.padEnd(65_537) }),
      (json) => ({ text: `${json}${' '.repeat(200_000)}` }),
      (json) => ({ text: json.replaceAll('"', "'") }),
      (json) => ({ text: json.replace('{', '{,') }),
      (json) => ({ text: json.replace('}', ',}') }),
      (json) => ({ text: `/* */${json}` }),
      (json) => ({ text: new URLSearchParams({ json }).toString() }),
      (json) => ({ base64: Buffer.from(json).toString('base64') }),
      (json) => ({ base64: Buffer.from(json, 'utf16le').toString('base64') }),
      (json) => ({ base64: Buffer.from(`\uFEFF${json}`).toString('base64') }),
      (json) => ({ base64: gzipSync(json).toString('base64') }),
      (json) => ({ base64: Buffer.from(json.replace('"', '"\u0080\u00ff'), 'latin1').toString('base64') }),
      (json) => ({ misflagged: json }),
    ),
  },
  { weight: 1, arbitrary: hostileText.map((text) => () => ({ text })) },
  {
    weight: 1,
    arbitrary: fc
      .uint8Array({ maxLength: 60 })
      .map((bytes) => () => ({ base64: Buffer.from(bytes).toString('base64') })),
  },
);

const bodiesOf = (route: Route): fc.Arbitrary<Body | null> => {
  const stray = fc.oneof(
    { weight: 8, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary: fc.constantFrom({ text: '{}' }, { text: ' ' }, { text: '{"force":true}' }) },
    { weight: 1, arbitrary: hostileText.map((text) => ({ text })) },
  );
  if (route.body === undefined) return stray;
  const valid = valuesOf(route.body);
  return fc.oneof(
    { weight: 1, arbitrary: stray },
    {
      weight: 12,
      arbitrary: fc
        .tuple(fc.oneof(valid, changed(valid)), encodings)
        .map(([node, encode]) => encode(render(node))),
    },
  );
};
