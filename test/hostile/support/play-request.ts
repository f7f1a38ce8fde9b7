import { ROUTES, type RouteId } from '../../../lambdas/contract/routes.ts';
import { faultsOf } from './invariants.ts';
import { mayRead } from './origin-cases.ts';
import type { Probe } from './probe.ts';
import { send } from './send.ts';
import { type HostileWorld, ORIGIN } from './world.ts';

/** Plays a request: what is wrong with the answer, in sentences. */
export const playProbe = async (world: HostileWorld, probe: Probe): Promise<string[]> => {
  const route = ROUTES[probe.route];
  world.take();
  const answer = await send(world, probe);
  const faults = faultsOf(world, route, answer, world.take());
  await undo(world, probe.route, answer.status);
  return faults;
};

/** A success of these leaves the tenant good for whatever comes next. */
const HARMLESS: ReadonlySet<RouteId> = new Set<RouteId>([
  'mintToken',
  'createWorkspace',
  'estimateCost',
  'compareOwnMonth',
  'testSiteKey',
  'testWorkspaceKey',
  'rotateSiteKey',
  'rotateWorkspaceKey',
  'resumeSiteKey',
  'resumeWorkspaceKey',
]);

/** Puts the tenant back, so that the next probe meets what this one has met. */
export const undo = async (world: HostileWorld, id: RouteId, status: number): Promise<void> => {
  const { workspaceId, siteId } = world.tenant();
  if (id === 'reportEvents') {
    if (status === 429) await world.renewSession();
    return;
  }
  if (status >= 300 || HARMLESS.has(id) || ['GET', 'OPTIONS'].includes(ROUTES[id].method)) return;
  switch (id) {
    case 'suspendSiteKey':
      return world.repair('POST', `/v1/sites/${siteId}/openai-key/resume`);
    case 'suspendWorkspaceKey':
      return world.repair('POST', `/v1/workspaces/${workspaceId}/openai-key/resume`);
    case 'changeSite':
      return world.repair('PATCH', `/v1/sites/${siteId}`, SITE);
    case 'changeWorkspace':
      return world.repair('PATCH', `/v1/workspaces/${workspaceId}`, WORKSPACE);
    default:
      return world.renew();
  }
};

const SITE = {
  name: 'Shop site',
  allowed_origins: [ORIGIN],
  model: 'gpt-realtime-2.1-mini',
  instructions: '',
  data_residency: 'global',
};
const WORKSPACE = { name: 'Shop', openai_tier: 5, concurrency_limit: null, billing_mode: 'byok' };

/** A route of each function that asks for a token, one that reads if there is one. */
const GUARDED: readonly RouteId[] = (() => {
  const signedIn = (Object.keys(ROUTES) as RouteId[]).filter((id) => ROUTES[id].access !== 'public');
  const functions = [...new Set(signedIn.map((id) => ROUTES[id].servedBy))];
  return functions.flatMap((name) => {
    const served = signedIn.filter((id) => ROUTES[id].servedBy === name);
    return served.find((id) => ROUTES[id].method === 'GET') ?? served.slice(0, 1);
  });
})();

/** Plays a token at every function. A refusal must be 401, before anything was read. */
export const playToken = async (
  world: HostileWorld,
  token: string,
  expected: 'taken' | 'refused',
): Promise<string[]> => {
  const faults: string[] = [];
  for (const route of GUARDED) {
    world.take();
    const probe: Probe = {
      route,
      as: 'nobody',
      overHttp: false,
      path: {},
      query: [],
      headers: [['authorization', `Bearer ${token}`]],
      body: null,
    };
    const answer = await send(world, probe);
    const taken = world.take();
    faults.push(...faultsOf(world, ROUTES[route], answer, taken));
    const isRefused = answer.status === 401;
    if (isRefused !== (expected === 'refused')) faults.push(`${route} answered ${answer.status}`);
    if (isRefused && taken.calls.length > 0) faults.push(`${route} made calls before its 401`);
  }
  return faults;
};

const PUBLIC_ROUTES = ['allowTokenOrigin', 'mintToken', 'allowEventsOrigin', 'reportEvents'] as const;

/**
 * Plays an Origin header at every public route of a site. A page that is not registered is told so, cannot read the answer,
 * and costs neither a decrypt nor a mint. Reports are for the page of the session alone.
 */
export const playOrigin = async (world: HostileWorld, origin: string | undefined): Promise<string[]> => {
  const faults: string[] = [];
  for (const id of PUBLIC_ROUTES) {
    const isReport = id === 'reportEvents';
    const allowed = origin !== undefined && (isReport ? origin === ORIGIN : mayRead(origin));
    world.take();
    const probe: Probe = {
      route: id,
      as: 'nobody',
      overHttp: false,
      path: {},
      query: [],
      headers: origin === undefined ? [] : [['origin', origin]],
      body: id === 'mintToken' ? { text: '{}' } : isReport ? { text: HEARTBEAT } : null,
      ...(origin === undefined && { without: ['origin'] }),
    };
    const answer = await send(world, probe);
    faults.push(...faultsOf(world, ROUTES[id], answer, world.take()).map((fault) => `${id}: ${fault}`));
    const readableBy = answer.headers['access-control-allow-origin'];
    if (readableBy !== (allowed ? origin : undefined)) faults.push(`${id} may be read by ${readableBy}`);
    const isRefused = answer.status === 403 && answer.text.includes('"origin_not_allowed"');
    if (isRefused === allowed) faults.push(`${id} answered ${answer.status} to ${origin}`);
  }
  return faults;
};

const HEARTBEAT = '{"events":[{"id":"e1","type":"heartbeat","at":"2026-11-25T00:00:00Z"}]}';
