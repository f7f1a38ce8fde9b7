import fc from 'fast-check';
import { failure } from '../../../lambdas/contract/common.ts';
import { ROUTES } from '../../../lambdas/contract/routes.ts';
import { isCostly, lineFaults } from './invariants.ts';
import { exchange } from './send.ts';
import type { HostileWorld } from './world.ts';

/** The first line of a request, as it stands on the wire. */
export interface TargetCase {
  readonly method: string;
  readonly target: string;
  readonly signedIn: boolean;
}

const METHODS = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'HEAD', 'TRACE', 'PROPFIND', 'PURGE'];

const SEGMENTS = [
  '',
  '.',
  '..',
  '%2e%2e',
  '%252e%252e',
  '..%2f..',
  '..%5c',
  '%00',
  '%2500',
  '%',
  '%zz',
  '%c0%af',
  '%E0%A4%A',
  '%ed%a0%80',
  '%F0%9F%98%80',
  '%0d%0aSet-Cookie:%20a=b',
  '%E2%80%A8',
  '\u00fc',
  '\u00ff\u00fe',
  ';a=b',
  'a;b',
  '*',
  '$default',
  '{siteId}',
  '__proto__',
  'constructor',
  '<<siteId>>',
  '<<siteId>>%00',
  '<<siteId>>%20',
  '<<siteId>>;x',
  '<<SITEID>>',
  '<<workspaceId>>',
  '<<foreignSiteId>>',
  'a'.repeat(4_000),
];

const QUERIES = [
  '',
  '?',
  '??',
  '?&&&',
  '?=',
  '?=1',
  '?limit',
  '?limit=1&limit=2',
  '?limit[]=1',
  '?limit[$gt]=1',
  '?limit=1;limit=2',
  '?limit=%31',
  '?limit=+1',
  '?limit=%00',
  '?limit=1%0d%0a',
  '?%6cimit=1',
  '?LIMIT=1',
  '?cursor=',
  '?cursor=%ff',
  '?__proto__=1',
  '?__proto__[limit]=1',
  '?constructor.prototype.limit=1',
  '?toString=1',
  '?from=2026-11-01&to=2026-10-01',
  '?from=0001-01-01&to=9999-12-31',
  '?group_by=day,day',
  '?group_by=',
  '?#fragment',
  `?${'a=1&'.repeat(1_000)}`,
];

const PATTERNS = [...new Set(Object.values(ROUTES).map(({ path }) => path))];

/** Paths of the contract with segments that are none, and paths that are none. */
export const targetCases = (): fc.Arbitrary<TargetCase> => {
  const segment = fc.oneof(fc.constantFrom(...SEGMENTS), fc.webSegment(), fc.string({ maxLength: 20 }));
  const known = fc
    .tuple(fc.constantFrom(...PATTERNS), fc.array(segment, { minLength: 2, maxLength: 2 }))
    .map(([pattern, [first = '', second = '']]) =>
      pattern.replace(/\{\w+\}/, first).replace(/\{\w+\}/, second),
    );
  const real = fc.constantFrom(...PATTERNS).map((pattern) => pattern.replace(/\{(\w+)\}/g, '<<$1>>'));
  const unknown = fc.array(segment, { maxLength: 6 }).map((segments) => `/${segments.join('/')}`);
  return fc.record({
    method: fc.constantFrom(...METHODS),
    target: fc
      .tuple(
        fc.oneof(real, known, unknown),
        fc.oneof(
          fc.constantFrom(...QUERIES),
          fc.webQueryParameters().map((text) => `?${text}`),
        ),
      )
      .map(([path, query]) => `${path}${query}`),
    signedIn: fc.boolean(),
  });
};

/** Plays a request target as a person who may only read. */
export const playTarget = async (
  world: HostileWorld,
  { method, target, signedIn }: TargetCase,
): Promise<string[]> => {
  const { library } = world;
  const words: Readonly<Record<string, string>> = {
    siteId: library.siteId,
    SITEID: library.siteId.toUpperCase(),
    workspaceId: library.workspaceId,
    sessionId: library.sessionId,
    sub: world.subs.viewer,
    foreignSiteId: world.foreign.siteId,
  };
  const filled = target.replace(/<<(\w+)>>/g, (whole, name) => words[name] ?? whole);
  world.take();
  const { status, text } = await exchange(world.stack.url, {
    method,
    // What a client cannot write at all is no part of a request line.
    path: filled.replace(/[^\x21-\x7e\x80-\xff]/g, '') || '/',
    headers: signedIn ? { authorization: `Bearer ${world.tokens.viewer}` } : {},
    body: Buffer.alloc(0),
  });
  const { lines, calls } = world.take();
  const faults = [...lines.flatMap(lineFaults)];
  if (status >= 500) faults.push(`answered ${status}: ${text}`);
  if (lines.length > 1) faults.push(`${lines.length} lines: ${lines.join('\n')}`);
  faults.push(...calls.filter(isCostly).map(({ service, operation }) => `made ${service} ${operation}`));
  // Without a line of ours Node has refused what is no HTTP; HEAD has no body.
  const isOurs = lines.length === 1 && method !== 'HEAD';
  if (isOurs && status >= 400 && !failure.strict().safeParse(JSON.parse(text)).success)
    faults.push(`no failure of the contract: ${text}`);
  return faults;
};
