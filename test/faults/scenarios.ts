import { expectSuccess } from '../support/answers.ts';
import { MINT_PATH, openAiFingerprint, openAiOf } from '../support/openai.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { event, report, usageEvent } from '../support/reports.ts';
import type { TestAnswer } from '../support/stack.ts';
import { type Caller, makeTenant, mint, ORIGIN, putSiteKey, type Tenant } from '../support/tenant.ts';
import type { Served } from './containers.ts';
import { canaryKey, type FaultWorld } from './world.ts';

/** A person with everything that a request needs, prepared while nothing fails. */
export interface Subject extends Tenant {
  /** The OpenAI key that its requests use, and how OpenAI's log names it. */
  readonly key: string;
  readonly keyFingerprint: string;
  /** Sends the request. It can be sent again, and is the same request then. */
  readonly send: (to: Caller) => Promise<TestAnswer>;
}

export interface Scenario {
  /** Heading in the matrix. */
  readonly name: string;
  /** The effect of a run without a fault, in a sentence. */
  readonly about: string;
  readonly route: RouteName;
  readonly serves: Served;
  readonly prepare: (world: FaultWorld) => Promise<Subject>;
  /** Which promises are looked at. */
  readonly kind: 'token' | 'key' | 'events';
  /** Status when nothing fails. */
  readonly status: number;
  /** The same once the fault is gone, where it is another. */
  readonly healedStatus?: number;
  /** Other statuses of the repeated request after the fault is gone, where the first one had its effect. */
  readonly afterEffect?: readonly number[];
  /** Its subjects share a key at OpenAI, so they go one after another. */
  readonly oneByOne?: true;
}

type RouteName =
  | 'mintToken'
  | 'reportEvents'
  | `${'view' | 'put' | 'test' | 'rotate' | 'rollback' | 'suspend' | 'resume' | 'delete'}SiteKey`
  | 'listSiteKeyVersions';

const withSiteKey = async ({ stack }: FaultWorld) => {
  const tenant = await makeTenant(stack, { concurrency_limit: 1 });
  const key = canaryKey();
  expectSuccess(await putSiteKey(stack, tenant, key));
  return { ...tenant, key, keyFingerprint: openAiFingerprint(key) };
};

const token: Scenario = {
  name: 'POST /v1/{siteId}/token',
  about: 'A visitor of a site with its own key and one slot, in a container that has just started.',
  route: 'mintToken',
  serves: 'token',
  kind: 'token',
  status: 200,
  prepare: async (world) => {
    const tenant = await withSiteKey(world);
    return { ...tenant, send: (to) => mint(to, tenant) };
  },
};

const refusedToken: Scenario = {
  ...token,
  name: 'POST /v1/{siteId}/token, refused by OpenAI',
  about: 'The same, and OpenAI answers 500, so what was taken is given back as well.',
  status: 502,
  healedStatus: 200,
  prepare: async (world) => {
    const subject = await token.prepare(world);
    const { keyFingerprint } = subject;
    openAiOf(world.stack).inject({ path: MINT_PATH, keyFingerprint, status: 500, body: {} });
    return subject;
  },
};

let platformKey: string | undefined;

const managedToken: Scenario = {
  ...token,
  name: 'POST /v1/{siteId}/token, managed',
  about: "A visitor on the platform's key and a hard-capped plan: minutes are set aside in the same write.",
  oneByOne: true,
  prepare: async (world) => {
    if (platformKey === undefined) {
      platformKey = canaryKey();
      await putPlatformKey(world.stack, platformKey);
    }
    const tenant = await makeTenant(world.stack, { billing_mode: 'managed', concurrency_limit: 1 });
    const key = platformKey;
    return { ...tenant, key, keyFingerprint: openAiFingerprint(key), send: (to) => mint(to, tenant) };
  },
};

const keylessToken: Scenario = {
  ...token,
  name: 'POST /v1/{siteId}/token, refused for want of a key',
  about: 'There is no key: 422 before anything is reserved.',
  status: 422,
  prepare: async (world) => {
    const tenant = await makeTenant(world.stack);
    const key = canaryKey();
    return { ...tenant, key, keyFingerprint: openAiFingerprint(key), send: (to) => mint(to, tenant) };
  },
};

const foreignToken: Scenario = {
  ...token,
  name: 'POST /v1/{siteId}/token, from a foreign origin',
  about: 'The page is not one of the site: 403 before anything is reserved.',
  status: 403,
  prepare: async (world) => {
    const tenant = await withSiteKey(world);
    return { ...tenant, send: (to) => mint(to, tenant, {}, 'https://elsewhere.example') };
  },
};

const keyPath = ({ siteId }: Pick<Tenant, 'siteId'>): string => `/v1/sites/${siteId}/openai-key`;

/** A route of a site's key: `does` brings the key into the state that the route wants, and then asks. */
const ofKey = (
  name: string,
  about: string,
  scenario: Pick<Scenario, 'route' | 'serves' | 'afterEffect'>,
  request: { readonly method: string; readonly verb?: string },
  before: (world: FaultWorld, subject: Omit<Subject, 'send'>) => Promise<void> = async () => undefined,
): Scenario => ({
  name,
  about,
  ...scenario,
  kind: 'key',
  status: 200,
  prepare: async (world) => {
    const subject = await withSiteKey(world);
    await before(world, subject);
    const path = request.verb === undefined ? keyPath(subject) : `${keyPath(subject)}/${request.verb}`;
    return { ...subject, send: (to) => to.call(request.method, path, { as: subject.owner }) };
  },
});

const putKey: Scenario = {
  name: 'PUT …/openai-key',
  about: 'A second key takes the place of the first, which is retained.',
  route: 'putSiteKey',
  serves: 'keys',
  kind: 'key',
  status: 200,
  prepare: async (world) => {
    const { owner, workspaceId, siteId } = await withSiteKey(world);
    const key = canaryKey();
    return {
      owner,
      workspaceId,
      siteId,
      key,
      keyFingerprint: openAiFingerprint(key),
      send: (to) => to.call('PUT', keyPath({ siteId }), { as: owner, body: { api_key: key } }),
    };
  },
};

const keyRoutes: readonly Scenario[] = [
  putKey,
  ofKey('GET …/openai-key', 'The masked view.', { route: 'viewSiteKey', serves: 'keys' }, { method: 'GET' }),
  ofKey(
    'GET …/openai-key/versions',
    'The history.',
    { route: 'listSiteKeyVersions', serves: 'keys' },
    { method: 'GET', verb: 'versions' },
  ),
  ofKey(
    'POST …/openai-key/test',
    'Test voice. A failure at OpenAI is a verdict and no refusal.',
    { route: 'testSiteKey', serves: 'token' },
    { method: 'POST', verb: 'test' },
  ),
  ofKey(
    'POST …/openai-key/rotate',
    'The same OpenAI key, re-encrypted.',
    { route: 'rotateSiteKey', serves: 'rotate' },
    { method: 'POST', verb: 'rotate' },
  ),
  ofKey(
    'POST …/openai-key/rollback',
    'Back to the first of two keys.',
    { route: 'rollbackSiteKey', serves: 'keys', afterEffect: [409] },
    { method: 'POST', verb: 'rollback' },
    async ({ stack }, subject) => {
      expectSuccess(await putSiteKey(stack, subject, canaryKey()));
    },
  ),
  ofKey(
    'POST …/openai-key/suspend',
    'The kill switch.',
    { route: 'suspendSiteKey', serves: 'keys' },
    { method: 'POST', verb: 'suspend' },
  ),
  ofKey(
    'POST …/openai-key/resume',
    'Its reverse.',
    { route: 'resumeSiteKey', serves: 'keys' },
    { method: 'POST', verb: 'resume' },
    async ({ stack }, subject) => {
      expectSuccess(await stack.call('POST', `${keyPath(subject)}/suspend`, { as: subject.owner }));
    },
  ),
  ofKey(
    'DELETE …/openai-key',
    'The key is shredded.',
    { route: 'deleteSiteKey', serves: 'keys', afterEffect: [404] },
    { method: 'DELETE' },
  ),
];

/** Reports of one session that has been minted, signed at the time that stands still. */
const ofEvents = (name: string, about: string, events: (at: Date) => readonly unknown[]): Scenario => ({
  name: `POST …/events, ${name}`,
  about,
  route: 'reportEvents',
  serves: 'events',
  kind: 'events',
  status: 200,
  prepare: async (world) => {
    const tenant = await withSiteKey(world);
    const minted = expectSuccess(await mint(world.stack, tenant));
    const signedAt = world.clock();
    const told = events(signedAt);
    return {
      ...tenant,
      send: (to) => report(to, tenant, minted, told, { signedAt, origin: ORIGIN }),
    };
  },
});

const eventRoutes: readonly Scenario[] = [
  ofEvents('a response', 'The session has connected, and one response was spoken.', (at) => [
    event('connected', at),
    usageEvent(at, { audioIn: 10, audioOut: 20 }),
  ]),
  ofEvents('a failure and the end', 'A response failed for want of quota, and the visitor left.', (at) => [
    event('connected', at),
    event('error', at, { source: 'response', code: 'insufficient_quota' }),
    usageEvent(at, { audioOut: 20 }),
    event('ended', at, { reason: 'failed' }),
  ]),
];

export const TOKEN = token;
export const MANAGED_TOKEN = managedToken;

export const SCENARIOS: readonly Scenario[] = [
  token,
  refusedToken,
  managedToken,
  keylessToken,
  foreignToken,
  ...keyRoutes,
  ...eventRoutes,
];
