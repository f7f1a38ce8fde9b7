import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { lambdaRuntime } from '../../lambdas/composition/runtime.ts';
import { ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import { watchOutput } from '../support/custody-watch.ts';
import { FORGERIES, hostileText } from './support/hostile-values.ts';
import { logFaults } from './support/invariants.ts';
import type { Probe } from './support/probe.ts';
import { seeded } from './support/seeded.ts';
import { send } from './support/send.ts';
import { type HostileWorld, startHostileWorld } from './support/world.ts';

/** The logger of a deployed function, whose lines go to standard output. */
const deployed = lambdaRuntime('hostile', 'test');
let world: HostileWorld;
beforeAll(async () => {
  world = await startHostileWorld({ log: deployed.log });
});
afterAll(() => world?.close());

/** The same text wherever a request can carry one. */
const everywhere = (id: RouteId, text: string): readonly Probe[] => {
  const route: Route = ROUTES[id];
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const body = JSON.stringify({ name: text, [text]: text, visitor_id: text, events: [{ code: text }] });
  const plain: Probe = {
    route: id,
    as: route.access === 'public' ? 'nobody' : 'owner',
    overHttp: false,
    path: {},
    query: [],
    headers: [],
    body: null,
  };
  return [
    ...names.map((name) => ({ ...plain, path: { [name]: text } })),
    ...names.map((name) => ({ ...plain, path: { [name]: `<<${name}>>${text}` } })),
    {
      ...plain,
      query: [
        [text, text],
        ['cursor', text],
        ['signature', text],
      ],
    },
    ...[
      'origin',
      'user-agent',
      'authorization',
      'content-type',
      'accept',
      'x-request-id',
      'x-spelo-signature',
      text,
    ].map((name): Probe => ({ ...plain, headers: [[name, text]] })),
    { ...plain, body: { text: body } },
    { ...plain, body: { text } },
    { ...plain, body: { base64: Buffer.from(body).toString('base64') } },
  ];
};

/** Faults in what a probe has written to standard output. */
const loggedFaultsOf = async (probe: Probe): Promise<string[]> => {
  const output = watchOutput({ silent: true });
  const answer = await send(world, probe).finally(() => output.stop());
  const lines = output
    .sinks()
    .map(({ content }) => String(content))
    .join('')
    .split('\n')
    .filter((line) => line !== '');
  return logFaults(answer, lines);
};

describe('one request is one log line with known fields only', () => {
  it.each(Object.entries(FORGERIES))('with %s, wherever a request can carry it', async (_, forgery) => {
    for (const id of ['mintToken', 'reportEvents', 'readMember', 'listSessions', 'createSite'] as const)
      for (const probe of everywhere(id, forgery))
        expect([probe, await loggedFaultsOf(probe)]).toEqual([probe, []]);
  });

  it('with arbitrary text, on every route', async () => {
    const routes = Object.keys(ROUTES) as RouteId[];
    const somewhere = fc
      .tuple(fc.constantFrom(...routes), fc.oneof(hostileText, fc.constant('x'.repeat(60_000))), fc.nat())
      .map(([id, text, at]) => {
        const all = everywhere(id, text);
        return all[at % all.length] as Probe;
      });
    await fc.assert(
      fc.asyncProperty(somewhere, async (probe) => {
        expect(await loggedFaultsOf(probe)).toEqual([]);
      }),
      seeded(200),
    );
  });
});
