import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import { playProbe } from './support/play-request.ts';
import type { Body, Probe } from './support/probe.ts';
import { probesOf } from './support/probes.ts';
import { played, seeded } from './support/seeded.ts';
import { send } from './support/send.ts';
import { systematicProbes } from './support/systematic-probes.ts';
import { playTarget, targetCases } from './support/target-cases.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());

/** So many requests to each route as there is to vary in them. */
const runsOf = ({ body, query }: Route): number =>
  10 + (body === undefined ? 0 : 50) + (query === undefined ? 0 : 25);

const base64 = (bytes: Uint8Array): Body => ({ base64: Buffer.from(bytes).toString('base64') });
const JSON_TEXT = '{"name":"a"}';
const ENCODINGS: Readonly<Record<string, Body>> = {
  'invalid UTF-8': base64(Buffer.from('{"name":"\u00ff"}', 'latin1')),
  'an overlong UTF-8': base64(Buffer.from([...Buffer.from('{"name":"'), 0xc0, 0xaf, ...Buffer.from('"}')])),
  'half a character in UTF-8': base64(
    Buffer.from([...Buffer.from('{"name":"'), 0xed, 0xa0, 0x80, ...Buffer.from('"}')]),
  ),
  'a character cut off': base64(Buffer.from('{"name":"ü').subarray(0, -1)),
  'UTF-16': base64(Buffer.from(JSON_TEXT, 'utf16le')),
  'marked as UTF-8': base64(Buffer.from(`\uFEFF${JSON_TEXT}`)),
  'marked, as text': { text: `\uFEFF${JSON_TEXT}` },
  compressed: base64(gzipSync(JSON_TEXT)),
  'said to be base64': { misflagged: JSON_TEXT },
  'too long by a byte': { text: JSON_TEXT.padEnd(65_537) },
};

/** Where there are two, the header decides: it is what a beacon cannot send. */
const SIGNATURES: readonly (readonly [string | undefined, string | undefined, number])[] = [
  ['<<signature>>', undefined, 200],
  [undefined, '<<signature>>', 200],
  ['<<signature>>', '<<signature>>', 200],
  ['<<signature>>', '<<foreignSignature>>', 200],
  ['<<foreignSignature>>', '<<signature>>', 401],
  ['', '<<signature>>', 401],
  [undefined, undefined, 401],
  ['<<staleSignature>>', undefined, 401],
  ['<<earlySignature>>', undefined, 401],
  [undefined, '<<staleSignature>>', 401],
  ['<<foreignSignature>>', undefined, 401],
  ['<<signature>> ', undefined, 401],
  ['<<signature>>,<<signature>>', undefined, 401],
  [`t=1,v1=${'0'.repeat(64)}`, undefined, 401],
];

/**
 * Where each list does not go. DynamoDB refuses a query that starts there; the embedded engine begins at the next item, so
 * that nothing but this shows it.
 */
const OUTSIDE: readonly (readonly [RouteId, readonly string[]])[] = [
  ['listWorkspaces', ['WORKSPACE', 'WORKSPACE#', 'WORKSPACE#short', `SITE#${'0'.repeat(12)}`, '\uD800']],
  ['listMembers', ['MEMBER', 'SITE#x', 'WORKSPACE', 'member#x', '\uD800']],
  ['listSites', ['SITE', 'MEMBER#x', 'ARCHIVED_SITE#x', 'zz', 'SITE#\uD800']],
  ['listKeys', ['SITE', 'MEMBER#x', 'ARCHIVED_SITE#x', 'zz', 'SITE#\uD800']],
  [
    'listSessions',
    ['SESSION#', 'SESSION#ses_', 'SESSION#ses_zzzz', 'ZZ', '0', 'SESSION#ses_0000000001\uD800'],
  ],
  [
    'listWorkspaceSessions',
    [
      'SESSION#',
      'SESSION#<<sessionId>>',
      '<<sessionId>> SITE#<<siteId>>',
      'SESSION#<<sessionId>> SITE#<<foreignSiteId>>',
      'SESSION#<<sessionId>> WORKSPACE#<<foreignWorkspaceId>>',
      'SESSION#<<sessionId>> <<siteId>>',
      'SESSION#<<sessionId>> SITE#<<siteId>> x',
      'SESSION#zzz SITE#<<siteId>>',
      'SESSION#ses_00000000010000000000000000\uD800 SITE#<<siteId>>',
    ],
  ],
  ['listSiteKeyVersions', ['VERSION', 'KEY', 'RETAINED#0000000001', 'version#', 'VERSION#\uD800']],
  ['listWorkspaceKeyVersions', ['VERSION', 'KEY', 'RETAINED#0000000001', 'zz', 'VERSION#\uD800']],
  ['listFormerInstructions', ['INSTRUCTIONS#', 'INSTRUCTIONS#x#2026', 'SITE#x', '\uD800']],
  ['listAudit', ['\uD800']],
  ['listErrors', ['2026\uD800']],
];

describe('a hostile request', () => {
  it.each(Object.keys(ROUTES) as RouteId[])(
    'to %s with one bad value gets a response that the contract allows',
    async (id) => {
      for (const probe of played(systematicProbes(id)))
        expect([probe, await playProbe(world, probe)]).toEqual([probe, []]);
    },
    // A guard, not a measurement: a route with many fields has many places.
    600_000,
  );

  it.each(Object.keys(ROUTES) as RouteId[])(
    'to %s with several bad values gets a response that the contract allows',
    async (id) => {
      const property = fc.asyncProperty(probesOf(id), async (probe) => {
        expect(await playProbe(world, probe)).toEqual([]);
      });
      await fc.assert(property, seeded(runsOf(ROUTES[id])));
    },
  );

  it.each(Object.entries(ENCODINGS))(
    'with a body that is %s is refused with the path body',
    async (_, body) => {
      for (const route of ['createWorkspace', 'mintToken', 'putSiteKey'] as const) {
        const as = route === 'mintToken' ? 'nobody' : 'owner';
        const probe: Probe = { route, as, overHttp: false, path: {}, query: [], headers: [], body };
        expect(await playProbe(world, probe)).toEqual([]);
        const { status, text } = await send(world, probe);
        expect([route, status]).toEqual([route, 400]);
        expect(text).toContain('"path":"body"');
      }
    },
  );

  it('with plain JSON as base64 is accepted', async () => {
    const body = base64(Buffer.from('{"name":"Größe"}'));
    const probe: Probe = {
      route: 'createWorkspace',
      as: 'owner',
      overHttp: false,
      path: {},
      query: [],
      headers: [],
      body,
    };
    const { status, text } = await send(world, probe);
    expect(status).toBe(201);
    expect(text).toContain('Größe');
  });

  it.each(SIGNATURES)(
    'that reports with %p in the header and %p in the query gets %i',
    async (header, query, expected) => {
      const probe: Probe = {
        route: 'reportEvents',
        as: 'nobody',
        overHttp: false,
        path: {},
        query: query === undefined ? [] : [['signature', query]],
        headers: header === undefined ? [] : [['x-spelo-signature', header]],
        without: ['x-spelo-signature'],
        body: { text: '{"events":[{"id":"e1","type":"heartbeat","at":"2026-11-25T00:00:00Z"}]}' },
      };
      expect(await playProbe(world, probe)).toEqual([]);
      expect((await send(world, probe)).status).toBe(expected);
    },
  );

  it('with any request line gets no 5xx, writes nothing and logs at most one line', async () => {
    const property = fc.asyncProperty(targetCases(), async (target) => {
      expect(await playTarget(world, target)).toEqual([]);
    });
    await fc.assert(property, seeded(300));
  });

  it('with a cursor of the right list that points outside of that list is refused', async () => {
    for (const [route, places] of OUTSIDE)
      for (const forgedPlace of places) {
        const query = [['cursor', { forgedPlace }]] as const;
        const probe: Probe = { route, as: 'owner', overHttp: true, path: {}, query, headers: [], body: null };
        expect(await playProbe(world, probe)).toEqual([]);
        const { status, text } = await send(world, probe);
        expect([route, forgedPlace, status]).toEqual([route, forgedPlace, 400]);
        expect(text).toContain('"path":"cursor"');
      }
  });
});
