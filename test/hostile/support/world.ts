import { randomBytes } from 'node:crypto';
import type { Runtime } from '../../../lambdas/composition/runtime.ts';
import type { CallObserver } from '../../../lambdas/domain/call-observer.ts';
import { signEvents } from '../../../lambdas/domain/sessions/event-signature.ts';
import type { Role } from '../../../lambdas/domain/tenancy/workspace.ts';
import { functionsInProcess, type LocalFunctions } from '../../../local/functions-in-process.ts';
import { localRuntime, NO_METRICS } from '../../../local/local-runtime.ts';
import { makeFakeKey } from '../../../local/openai/server.ts';
import { joinAs } from '../../support/people.ts';
import { putOnPlan } from '../../support/plan.ts';
import { startTestStack, type TestAnswer, type TestStack } from '../../support/stack.ts';
import type { Person } from './probe.ts';

export const ORIGIN = 'https://shop.example';

/** A call to a service, as its client names it. */
export interface ServiceCall {
  readonly service: string;
  readonly operation: string;
}

export interface HostileTenant {
  readonly workspaceId: string;
  readonly siteId: string;
  readonly sessionId: string;
  readonly signingSecret: string;
  /** The OpenAI key of workspace and site. */
  readonly key: string;
}

/**
 * A running stack with the handlers in reach, and with everything written down that a request does: log lines, calls to
 * services. `tenant` is the one that requests are made to; what changes it renews it, so that each request meets the same.
 */
export interface HostileWorld {
  readonly stack: TestStack;
  readonly functions: LocalFunctions;
  /** `sub` of each person of the tenants. */
  readonly subs: Readonly<Record<Person, string>>;
  /** Access token of each person; none of `nobody`. */
  readonly tokens: Readonly<Partial<Record<Person, string>>>;
  readonly tenant: () => HostileTenant;
  /** Reads go here: it has more than one of everything that can be listed, and nothing changes it. */
  readonly library: HostileTenant;
  /** Of the stranger. */
  readonly foreign: HostileTenant;
  /** How many answers there were of each status. */
  readonly answers: Map<number, number>;
  /** Log lines and calls since the last call. Nothing of it is kept. */
  readonly take: () => { readonly lines: readonly string[]; readonly calls: readonly ServiceCall[] };
  /** Restores the tenant as its owner would. */
  readonly repair: (method: string, path: string, body?: unknown) => Promise<void>;
  /** Gives the next request a new tenant. */
  readonly renew: () => Promise<void>;
  /** A new session of the tenant. */
  readonly renewSession: () => Promise<void>;
  readonly close: () => Promise<void>;
}

const SUBS = ['owner', 'admin', 'viewer', 'removed', 'stranger', 'expired'] as const;

export const startHostileWorld = async (
  options: { readonly log?: Runtime['log']; readonly variables?: Readonly<Record<string, string>> } = {},
): Promise<HostileWorld> => {
  let lines: string[] = [];
  let calls: ServiceCall[] = [];
  const watch: CallObserver = {
    startCall: (service, operation) => {
      calls.push({ service, operation });
      return () => undefined;
    },
  };
  const local = localRuntime((line) => lines.push(line));
  const runtime: Runtime = { ...local, log: options.log ?? local.log, metrics: { ...NO_METRICS, ...watch } };
  const stack = await startTestStack({ runtime, ...(options.variables && { variables: options.variables }) });
  try {
    const functions = functionsInProcess(stack.variables, runtime, () => undefined);
    const run = randomBytes(4).toString('hex');
    const subs = Object.fromEntries(
      ['nobody', ...SUBS].map((person) => [person, `${person}-${run}`]),
    ) as Record<Person, string>;
    const tokens = Object.fromEntries(
      await Promise.all(
        SUBS.map(async (person) => [
          person,
          await stack.issuer.issue({
            sub: subs[person],
            expiresInSeconds: person === 'expired' ? -3_600 : 864_000,
          }),
        ]),
      ),
    ) as Partial<Record<Person, string>>;

    const make = (owner: Person) => makeTenant(stack, tokens, subs, owner);
    const foreign = await make('stranger');
    const library = await make('owner');
    await fillLibrary(stack, tokens, library);
    await stack.streams.drain();
    await stack.streams.close();
    await stack.hangUps.close();
    let tenant = await make('owner');
    const take = () => {
      const taken = { lines, calls };
      lines = [];
      calls = [];
      stack.kms.clearCalls();
      stack.openAi?.clearRequests();
      return taken;
    };
    take();
    return {
      stack,
      functions,
      subs,
      tokens,
      foreign,
      library,
      answers: new Map(),
      tenant: () => tenant,
      take,
      repair: async (method, path, body) => {
        await callAs(stack, tokens.owner)(method, path, body);
        take();
      },
      renew: async () => {
        tenant = await make('owner');
        take();
      },
      renewSession: async () => {
        tenant = { ...tenant, ...(await mintOf(stack, tenant.siteId)) };
        take();
      },
      close: () => stack.close(),
    };
  } catch (error) {
    await stack.close();
    throw error;
  }
};

/** `data` of a success; anything else ends the run. */
const must = async (answer: Promise<TestAnswer>): Promise<TestAnswer['data']> => {
  const { status, data, text } = await answer;
  if (status >= 300) throw new Error(`The world could not be made: ${status} ${text}`);
  return data;
};

type Call = (method: string, path: string, body?: unknown) => Promise<TestAnswer['data']>;

const callAs =
  (stack: TestStack, token: string | undefined): Call =>
  (method, path, body) =>
    must(stack.call(method, path, { body, headers: { authorization: `Bearer ${token}` } }));

export const freshKey = (failure?: string): string => makeFakeKey(randomBytes, failure);

const makeTenant = async (
  stack: TestStack,
  tokens: HostileWorld['tokens'],
  subs: HostileWorld['subs'],
  owner: Person,
): Promise<HostileTenant> => {
  const call = callAs(stack, tokens[owner]);
  const workspace = await call('POST', '/v1/workspaces', { name: 'Shop', openai_tier: 5 });
  const workspaceId: string = workspace.workspace_id;
  const base = `/v1/workspaces/${workspaceId}`;
  const site = await call('POST', `${base}/sites`, { name: 'Shop site', allowed_origins: [ORIGIN] });
  const siteId: string = site.site_id;
  const key = freshKey();
  await call('PUT', `${base}/openai-key`, { api_key: key });
  await call('PUT', `/v1/sites/${siteId}/openai-key`, { api_key: key });
  const budget = { period: 'month', amount_usd: 1_000, action: 'notify' };
  for (const path of [base, `/v1/sites/${siteId}`]) await call('PUT', `${path}/budget`, budget);
  await call('PUT', `/v1/sites/${siteId}/embed-key`, { algorithm: 'HS256' });
  if (owner === 'owner') {
    const join = (sub: string, role: Role) => joinAs(stack, { workspaceId, owner: subs.owner }, sub, role);
    for (const role of ['admin', 'viewer'] as const) await join(subs[role], role);
    await join(subs.removed, 'owner');
    await call('DELETE', `${base}/members/${subs.removed}`);
    await join(subs.expired, 'owner');
  }
  return { workspaceId, siteId, key, ...(await mintOf(stack, siteId)) };
};

const mintOf = async (
  stack: TestStack,
  siteId: string,
): Promise<Pick<HostileTenant, 'sessionId' | 'signingSecret'>> => {
  const minted = await must(stack.call('POST', `/v1/${siteId}/token`, { origin: ORIGIN, body: {} }));
  return { sessionId: minted.session_id, signingSecret: minted.signing_secret };
};

/** Two of everything that a route lists. */
const fillLibrary = async (
  stack: TestStack,
  tokens: HostileWorld['tokens'],
  { workspaceId, siteId, key, sessionId, signingSecret }: HostileTenant,
): Promise<void> => {
  const call = callAs(stack, tokens.owner);
  const base = `/v1/workspaces/${workspaceId}`;
  await call('POST', '/v1/workspaces', { name: 'Second' });
  await call('PATCH', base, { openai_tier: 4 });
  await putOnPlan(stack, { workspaceId }, 'enterprise');
  await call('POST', `${base}/sites`, { name: 'Second site', allowed_origins: [ORIGIN] });
  for (const path of [`${base}/openai-key`, `/v1/sites/${siteId}/openai-key`])
    await call('PUT', path, { api_key: `${freshKey()}` });
  await call('PUT', `/v1/sites/${siteId}/openai-key`, { api_key: key });
  await mintOf(stack, siteId);
  const at = new Date().toISOString();
  const error = { type: 'error', at, source: 'connect' };
  const rawBody = JSON.stringify({
    events: [
      { ...error, id: 'e1', code: 'insufficient_quota' },
      { ...error, id: 'e2', code: 'NotAllowedError' },
    ],
  });
  const t = Math.floor(Date.now() / 1_000);
  const signature = `t=${t},v1=${signEvents(signingSecret, t, rawBody)}`;
  const headers = { 'x-spelo-signature': signature };
  await must(
    stack.call('POST', `/v1/${siteId}/sessions/${sessionId}/events`, { origin: ORIGIN, rawBody, headers }),
  );
};
