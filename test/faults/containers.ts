import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { eventsHandler } from '../../lambdas/composition/events.ts';
import { keysHandler } from '../../lambdas/composition/keys.ts';
import { rotateHandler } from '../../lambdas/composition/rotate.ts';
import type { Runtime } from '../../lambdas/composition/runtime.ts';
import { tokenHandler } from '../../lambdas/composition/token.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import { type FunctionName, ROUTES } from '../../lambdas/contract/routes.ts';
import type { HttpHandler } from '../../lambdas/http/http-handler.ts';
import type { Clock } from '../../lambdas/use-cases/ports/runtime.ts';
import { startGateway } from '../../local/gateway.ts';
import { localRuntime } from '../../local/local-runtime.ts';
import { type AwsCall, type AwsIntervention, type AwsProxy, startAwsProxy } from '../support/aws-proxy.ts';
import { callerAt, type TestStack } from '../support/stack.ts';
import { nameOfCall } from './call-names.ts';
import type { AwsFault } from './faults.ts';

export type Served = 'token' | 'events' | 'keys' | 'rotate';
export type Service = 'kms' | 'dynamodb';

type Variables = Readonly<Record<string, string>>;

export const HANDLERS: Readonly<Record<Served, (variables: Variables, runtime: Runtime) => HttpHandler>> = {
  token: (variables, runtime) => tokenHandler(parseEnvironment(ENVIRONMENTS.token, variables), runtime),
  events: (variables, runtime) => eventsHandler(parseEnvironment(ENVIRONMENTS.events, variables), runtime),
  keys: (variables, runtime) => keysHandler(parseEnvironment(ENVIRONMENTS.keys, variables), runtime),
  rotate: (variables, runtime) => rotateHandler(parseEnvironment(ENVIRONMENTS.rotate, variables), runtime),
};

/** One function behind every route: it refuses those that it does not serve. */
export const serveAlone = (handler: HttpHandler, port = 0) => {
  const names = new Set(Object.values(ROUTES).map(({ servedBy }) => servedBy));
  const handlers = Object.fromEntries([...names].map((name) => [name, handler]));
  return startGateway(handlers as Readonly<Record<FunctionName, HttpHandler>>, {
    port,
    newRequestId: randomUUID,
  });
};

/** A call to AWS that a fault is aimed at: the `nth` of its name, counted from 1. */
export interface AwsTarget {
  readonly service: Service;
  readonly call: string;
  readonly nth: number;
}

/** A call that was made, and how its first try looked. */
export interface Recorded extends AwsTarget {
  readonly sample: AwsCall;
}

/** The calls to AWS from one container, and what happens to each. */
export interface Traffic {
  /** Every call except for its repetitions, in the order of arrival. */
  readonly seen: readonly Recorded[];
  /** Tries that the fault has struck. */
  readonly struck: number;
  /** From now on nothing that the container calls gets anywhere: for AWS its process is gone. */
  die(): void;
  /** Resolves once no call is under way. */
  settled(): Promise<void>;
  /** Resolves once nothing new has come for this many milliseconds, and no call is under way. */
  quiet(forMs: number): Promise<void>;
}

/** Says what happens to a try of a call; undefined: it goes through. */
export type Decide = (
  target: AwsTarget,
  call: AwsCall,
  attempt: number,
) => AwsIntervention | Promise<AwsIntervention>;

export const aimedAt =
  (target: AwsTarget, { extent, play }: AwsFault): Decide =>
  (at, call, attempt) => {
    if (at.service !== target.service || at.call !== target.call) return undefined;
    if (extent === 'onwards' ? at.nth < target.nth : at.nth !== target.nth) return undefined;
    return extent === 'first try' && attempt > 1 ? undefined : play(call);
  };

interface OpenTraffic extends Traffic {
  intervene(service: Service, call: AwsCall): Promise<AwsIntervention>;
  answered(): void;
}

const openTraffic = (decide: Decide): OpenTraffic => {
  const invocations = new Map<string, string[]>();
  const attempts = new Map<string, number>();
  const seen: Recorded[] = [];
  let struck = 0;
  let dead = false;
  let underWay = 0;
  const settled = async (): Promise<void> => {
    while (underWay > 0) await sleep(5);
  };
  return {
    seen,
    get struck() {
      return struck;
    },
    die: () => {
      dead = true;
    },
    settled,
    quiet: async (forMs) => {
      for (let before = -1; before !== seen.length; ) {
        before = seen.length;
        await sleep(forMs);
      }
      await settled();
    },
    answered: () => {
      underWay -= 1;
    },
    intervene: async (service, call) => {
      if (dead) return 'hang';
      const name = nameOfCall(call);
      const place = `${service} ${name}`;
      const known = invocations.get(place) ?? [];
      invocations.set(place, known);
      if (!known.includes(call.invocation)) {
        known.push(call.invocation);
        seen.push({ service, call: name, nth: known.length, sample: call });
      }
      const attempt = (attempts.get(call.invocation) ?? 0) + 1;
      attempts.set(call.invocation, attempt);
      const target = { service, call: name, nth: known.indexOf(call.invocation) + 1 };
      const intervention = await decide(target, call, attempt);
      if (intervention !== undefined) struck += 1;
      const reaches =
        intervention === undefined || intervention === 'lose-answer' || intervention === 'hang-after';
      if (reaches) underWay += 1;
      return intervention;
    },
  };
};

/** The way to AWS of many containers, each of which has its own faults. */
export interface Network {
  readonly endpoints: (caller: string) => Variables;
  open(caller: string, decide?: Decide): Traffic;
  close(): Promise<void>;
}

export const startNetwork = async (stack: TestStack): Promise<Network> => {
  const callers = new Map<string, OpenTraffic>();
  const proxyOf = async (service: Service, endpoint: string): Promise<AwsProxy> => {
    const proxy = await startAwsProxy();
    proxy.forwardTo(endpoint);
    proxy.intervene((call) => callers.get(call.caller)?.intervene(service, call));
    proxy.onAnswered(({ caller }) => callers.get(caller)?.answered());
    return proxy;
  };
  const [dynamoDb, kms] = await Promise.all([
    proxyOf('dynamodb', stack.dynamoDb.endpoint),
    proxyOf('kms', stack.kms.endpoint),
  ]);
  return {
    endpoints: (caller) => ({
      AWS_ENDPOINT_URL_DYNAMODB: dynamoDb.urlFor(caller),
      AWS_ENDPOINT_URL_KMS: kms.urlFor(caller),
    }),
    open: (caller, decide = () => undefined) => {
      const traffic = openTraffic(decide);
      callers.set(caller, traffic);
      return traffic;
    },
    close: async () => {
      await Promise.all([dynamoDb.close(), kms.close()]);
    },
  };
};

/** A function just started, as Lambda starts one, over the tables of the stack. */
export interface Container extends Pick<TestStack, 'call'> {
  readonly logs: readonly string[];
  close(): Promise<void>;
}

export const startContainer = async (
  stack: TestStack,
  serves: Served,
  { clock, variables }: { readonly clock: Clock; readonly variables: Variables },
): Promise<Container> => {
  const logs: string[] = [];
  const world = { ...localRuntime((line) => logs.push(line)), clock };
  const gateway = await serveAlone(HANDLERS[serves]({ ...stack.variables, ...variables }, world));
  return { call: callerAt(() => gateway.url, stack.tokenFor), logs, close: gateway.close };
};
