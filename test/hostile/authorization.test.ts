import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { roleSuffices } from '../../lambdas/domain/tenancy/workspace.ts';
import { ROLE_ROUTES, SIGNED_IN_ROUTES, validBodyOf } from '../support/routes.ts';
import { faultsOf, isCostly } from './support/invariants.ts';
import { playProbe, undo } from './support/play-request.ts';
import { PEOPLE, type Person, type Probe } from './support/probe.ts';
import { type Answer, send } from './support/send.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

/** Whose the thing is that a path names. */
const TARGETS = {
  own: {},
  foreign: { workspaceId: '<<foreignWorkspaceId>>', siteId: '<<foreignSiteId>>' },
  missing: { workspaceId: '0'.repeat(12), siteId: '0'.repeat(24) },
  malformed: { workspaceId: 'NO-ID', siteId: 'NO-ID' },
} as const;
type Target = keyof typeof TARGETS;

type Role = 'viewer' | 'admin' | 'owner';

/** The rights of each person on each target: the member they are let in as, or the status they receive. */
const TABLE: Readonly<Record<Person, Readonly<Record<Target, Role | 401 | 404>>>> = {
  nobody: { own: 401, foreign: 401, missing: 401, malformed: 401 },
  expired: { own: 401, foreign: 401, missing: 401, malformed: 401 },
  removed: { own: 404, foreign: 404, missing: 404, malformed: 404 },
  stranger: { own: 404, foreign: 'owner', missing: 404, malformed: 404 },
  viewer: { own: 'viewer', foreign: 404, missing: 404, malformed: 404 },
  admin: { own: 'admin', foreign: 404, missing: 404, malformed: 404 },
  owner: { own: 'owner', foreign: 404, missing: 404, malformed: 404 },
};

type NamedRoute = (typeof ROLE_ROUTES)[number];

const probeOf = (route: NamedRoute, as: Person, target: Target): Probe => {
  const body = validBodyOf(route.id);
  return {
    route: route.id,
    as,
    overHttp: false,
    path:
      route.path.includes('{siteId}') || route.path.includes('{workspaceId}')
        ? pick(route, TARGETS[target])
        : {},
    query: [],
    headers: [],
    body: body === undefined ? null : { text: JSON.stringify(body) },
  };
};

const pick = (
  { path }: NamedRoute,
  ids: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(ids).filter(([name]) => path.includes(`{${name}}`)));

const expectedOf = (route: NamedRoute, as: Person, target: Target): number => {
  const cell = TABLE[as][target];
  if (typeof cell === 'number') return cell;
  // The path names the viewer, and every member can leave.
  if (route.id === 'removeMember' && as === 'viewer' && target === 'own') return route.status;
  return roleSuffices(cell, route.access as Role) ? route.status : 403;
};

/** Answers to a member who is let in but finds no room, or nothing to go back to: as good as a success. */
const LET_IN =
  /"(?:not_endable|site_limit_reached|no_previous_version|member_not_found|session_not_found|webhook_not_found|delivery_not_found|webhook_limit_reached|mail_unavailable|alert_email_missing|mail_code_wrong|invitation_not_found|api_token_not_found|api_token_limit_reached)"/;

const standingOf = ({ status: success }: NamedRoute, { status, text }: Answer): number =>
  LET_IN.test(text) ? success : status;

let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld();
});
afterAll(() => world?.close());

/** A body and headers without what differs in every answer. */
const comparable = ({ status, headers, text, requestId }: Answer) => ({
  status,
  headers: { ...headers, 'x-request-id': '' },
  text: text.replace(requestId, ''),
});

const refusals = PEOPLE.flatMap((as) => (Object.keys(TARGETS) as Target[]).map((target) => ({ as, target })));

describe('the access table', () => {
  it.each(refusals)('applies to every route: $as, $target', async ({ as, target }) => {
    const wrong: unknown[] = [];
    for (const route of ROLE_ROUTES) {
      const expected = expectedOf(route, as, target);
      // The stranger's rights in their own workspace are tested in their own stack.
      if (as === 'stranger' && target === 'foreign' && route.method !== 'GET') continue;
      world.take();
      const answer = await send(world, probeOf(route, as, target));
      const taken = world.take();
      const faults = faultsOf(world, route, answer, taken);
      const costly = answer.status >= 400 ? taken.calls.filter(isCostly) : [];
      if (standingOf(route, answer) !== expected || faults.length > 0 || costly.length > 0)
        wrong.push([route.id, `${answer.status} instead of ${expected}`, faults, costly]);
      await undo(world, route.id, answer.status);
    }
    expect(wrong).toEqual([]);
  });

  it.each(['any'] as const)('requires only an access token on routes of access %s', async (access) => {
    for (const route of SIGNED_IN_ROUTES.filter((candidate) => candidate.access === access))
      for (const as of PEOPLE) {
        const answer = await send(world, probeOf(route, as, 'own'));
        const expected = as === 'nobody' || as === 'expired' ? 401 : route.status;
        const status = expected === 401 ? answer.status : standingOf(route, answer);
        expect([route.id, as, status]).toEqual([route.id, as, expected]);
      }
  });
});

describe('a resource of another workspace', () => {
  it.each(ROLE_ROUTES)(
    'gets the same response as a missing one, byte for byte: $method $path',
    async (route) => {
      for (const as of ['owner', 'viewer', 'removed'] as const) {
        const [foreign, missing] = [
          await send(world, probeOf(route, as, 'foreign')),
          await send(world, probeOf(route, as, 'missing')),
        ];
        expect(comparable(foreign)).toEqual(comparable(missing));
      }
    },
  );

  it("is not found as a session of the caller's own site", async () => {
    const answers = await Promise.all(
      ['<<foreignSessionId>>', `ses_${'0'.repeat(26)}`].map((sessionId) =>
        send(world, {
          route: 'readSession',
          as: 'owner',
          overHttp: false,
          path: { sessionId },
          query: [],
          headers: [],
          body: null,
        }),
      ),
    );
    expect(answers.map(({ status }) => status)).toEqual([404, 404]);
    expect(comparable(answers[0] as Answer)).toEqual(comparable(answers[1] as Answer));
  });

  it("accepts no report signed with the secret of another workspace's session, in either direction", async () => {
    const report = (siteId: string, sessionId: string, signature: string): Probe => ({
      route: 'reportEvents',
      as: 'nobody',
      overHttp: false,
      path: { siteId, sessionId },
      query: [],
      headers: [['x-spelo-signature', signature]],
      body: { text: '{"events":[{"id":"e1","type":"heartbeat","at":"2026-11-25T00:00:00Z"}]}' },
    });
    for (const [siteId, sessionId, signature] of [
      ['<<siteId>>', '<<foreignSessionId>>', '<<signature>>'],
      ['<<siteId>>', '<<foreignSessionId>>', '<<foreignSignature>>'],
      ['<<foreignSiteId>>', '<<sessionId>>', '<<signature>>'],
      ['<<foreignSiteId>>', '<<foreignSessionId>>', '<<signature>>'],
    ] as const) {
      const probe = report(siteId, sessionId, signature);
      expect([401, 404]).toContain((await send(world, probe)).status);
      expect(await playProbe(world, probe)).toEqual([]);
    }
  });
});
