import fc from 'fast-check';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbSessionEnds } from '../../lambdas/adapters/aws/sessions/dynamodb-session-ends.ts';
import { dynamoDbSessionSnapshots } from '../../lambdas/adapters/aws/sessions/dynamodb-session-snapshots.ts';
import { dynamoDbSessionUsage } from '../../lambdas/adapters/aws/sessions/dynamodb-session-usage.ts';
import { sessionUsageItem } from '../../lambdas/adapters/aws/sessions/session-usage-item.ts';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { periodUsageItem } from '../../lambdas/adapters/aws/usage/usage-items.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import type { SiteId, WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { signEvents } from '../../lambdas/domain/sessions/event-signature.ts';
import type { SessionEvent } from '../../lambdas/domain/sessions/session-usage.ts';
import { BUILT_IN_PLANS, billingPeriodOf } from '../../lambdas/domain/tenancy/plan.ts';
import { NO_TOKENS, type TokenCounts } from '../../lambdas/domain/usage/token-counts.ts';
import { closeSilentSessions } from '../../lambdas/use-cases/sessions/close-silent-sessions.ts';
import { type MintedToken, mintToken } from '../../lambdas/use-cases/sessions/mint-token.ts';
import {
  type EventsReceipt,
  recordEvents,
  type WidgetEvent,
} from '../../lambdas/use-cases/sessions/record-events.ts';
import { type AwsCall, startAwsProxy } from '../support/aws-proxy.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { isLong } from '../support/long-forms.ts';
import { startTestStack } from '../support/stack.ts';
import { ORIGIN } from '../support/tenant.ts';
import { MINT_SETTINGS, useCasePorts } from '../support/use-case-ports.ts';

/** The built-in plans without their own limit of sessions: here minutes alone decide. */
const PLANS = BUILT_IN_PLANS.map((plan) => ({ ...plan, maxConcurrent: null }));

/** A crash as the code in it sees it: nothing. Its process is gone; only its writes are left. */
class Crash extends Error {}

/** A mishap of one request that it did not cause. */
export interface Mishap {
  /** The process dies right after this many of its writes. */
  readonly diesAfter?: number;
  /** OpenAI refuses the mint. */
  readonly openAiFails?: boolean;
}

export type Outcome<Result> =
  | { readonly is: 'done'; readonly result: Result }
  | { readonly is: 'refused'; readonly refusal: BrokerError }
  | { readonly is: 'failed'; readonly error: unknown };

const WRITES: ReadonlySet<string> = new Set([
  'spend',
  'admit',
  'reserve',
  'settle',
  'noteUnreadable',
  'release',
  'extend',
  'saveUsage',
  'saveHealth',
  'noteThreshold',
  'noteCallsEnded',
  'send',
  'recordEnd',
  'noteDegraded',
  'report',
]);

/** The same ports for a process that dies after its `writes`-th write: from then on it reads and writes nothing. */
const mortal = <Ports extends object>(ports: Ports, writes: number): Ports => {
  let left = writes;
  let dead = false;
  const wrap = (port: object): object =>
    Object.fromEntries(
      Object.entries(port).map(([name, method]) => [
        name,
        typeof method !== 'function'
          ? method
          : (...given: unknown[]) => {
              if (dead) throw new Crash();
              const answer: unknown = method(...given);
              if (!WRITES.has(name)) return answer;
              return Promise.resolve(answer).finally(() => {
                left -= 1;
                if (left <= 0) dead = true;
                if (dead) throw new Crash();
              });
            },
      ]),
    );
  return Object.fromEntries(
    Object.entries(ports).map(([name, port]) => [
      name,
      typeof port === 'object' && port !== null && !Array.isArray(port) ? wrap(port) : port,
    ]),
  ) as Ports;
};

const outcomeOf = async <Result>(run: Promise<Result>): Promise<Outcome<Result>> => {
  try {
    return { is: 'done', result: await run };
  } catch (error) {
    return error instanceof BrokerError ? { is: 'refused', refusal: error } : { is: 'failed', error };
  }
};

/**
 * The use cases of sessions over the real adapters and the embedded engine, with a clock that stands still between commands,
 * requests that can die after any of their writes, and a network that loses answers.
 */
export const startModelWorld = async () => {
  const network = await startAwsProxy();
  const time = frozenClock();
  const stack = await startTestStack({
    audited: false,
    runtime: { clock: time.clock },
    variables: { AWS_ENDPOINT_URL_DYNAMODB: network.url },
  });
  network.forwardTo(stack.dynamoDb.endpoint);
  const dynamoDb = dynamoDbClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_DYNAMODB: network.url });
  const names = Object.fromEntries(
    Object.entries(TABLES).map(([table, { name }]) => [table, name]),
  ) as Record<keyof typeof TABLES, string>;
  const reported = dynamoDbSessionSnapshots(dynamoDb, names);
  const common = { ...useCasePorts(stack), clock: time.clock };
  /** Callers that opened a session and also report on it. */
  const reporters = new Map<string, string>();
  const reportPorts = {
    ...common,
    sessionUsage: dynamoDbSessionUsage(dynamoDb, { usage: names.usage, dueIndex: TABLES.usage.index.name }),
    sessions: reported,
    health: reported,
    ends: dynamoDbSessionEnds(dynamoDb, names.sessions),
    notices: reported,
    plans: PLANS,
  };

  const tables = tablesAt(stack.dynamoDb.endpoint);

  return {
    stack,
    time,
    tables,

    /** Unix seconds of the services' clock. */
    nowSeconds: () => Math.floor(time.clock().getTime() / 1_000),

    /** Loses the answers to the writes that `choose` picks by their number, counted from 0. */
    loseAnswers: (choose: (write: number) => boolean): void => {
      let writes = 0;
      network.intervene(({ operation }: AwsCall) =>
        /^(Put|Update|Delete|Transact)/.test(operation) &&
        operation !== 'TransactGetItems' &&
        choose(writes++)
          ? 'lose-answer'
          : undefined,
      );
    },
    loseNoAnswers: (): void => network.intervene(),

    mint: async (siteId: string, visitor: number, { diesAfter, openAiFails }: Mishap = {}) => {
      const ports = openAiFails === true ? { ...common, openAi: refusingOpenAi(common.openAi) } : common;
      const outcome = await outcomeOf<MintedToken>(
        mintToken(diesAfter === undefined ? ports : mortal(ports, diesAfter), {
          ...MINT_SETTINGS,
          plans: PLANS,
        })({
          siteId: siteId as SiteId,
          origin: ORIGIN,
          sourceIp: `192.0.2.${visitor}`,
          visitorId: undefined,
          embedToken: undefined,
          onOriginAllowed: () => undefined,
        }),
      );
      if (outcome.is === 'done') reporters.set(outcome.result.session.sessionId, `192.0.2.${visitor}`);
      return outcome;
    },

    report: (minted: MintedToken, reports: readonly WidgetEvent[], { diesAfter }: Mishap = {}) => {
      const t = Math.floor(time.clock().getTime() / 1_000);
      const rawBody = JSON.stringify(reports);
      return outcomeOf<EventsReceipt>(
        recordEvents(diesAfter === undefined ? reportPorts : mortal(reportPorts, diesAfter))({
          siteId: minted.session.siteId as SiteId,
          sessionId: minted.session.sessionId,
          origin: ORIGIN,
          sourceIp: reporters.get(minted.session.sessionId) ?? '',
          signature: { t, v1: signEvents(minted.signingSecret, t, rawBody) },
          rawBody,
          events: reports,
          onOriginAllowed: () => undefined,
        }),
      );
    },

    /** Meters, the billing period of now, and all days together, of one workspace. */
    booksOf: async (workspaceId: WorkspaceId, siteId: SiteId) => {
      const [meters, totals] = await Promise.all([
        tables.usageOf(`METERS#${siteId}`),
        tables.usageOf(`USAGE#${workspaceId}`),
      ]);
      const { sk } = primaryKey.periodUsage(workspaceId, billingPeriodOf(time.clock()));
      const days: Record<string, number> = {};
      for (const item of totals)
        if (String(item['sk']).startsWith('DAY#'))
          for (const [name, count] of Object.entries(item))
            if (typeof count === 'number') days[name] = (days[name] ?? 0) + count;
      return {
        usages: meters.map((item) => sessionUsageItem.parse(item)),
        period: periodUsageItem.parse(totals.find((item) => item['sk'] === sk) ?? {}),
        days,
      };
    },

    sweep: ({ diesAfter }: Mishap = {}) =>
      outcomeOf(
        closeSilentSessions(diesAfter === undefined ? reportPorts : mortal(reportPorts, diesAfter), {
          watch: 'off',
        })(),
      ),

    close: async (): Promise<void> => {
      dynamoDb.destroy();
      tables.close();
      await stack.close();
      await network.close();
    },
  };
};

export type ModelWorld = Awaited<ReturnType<typeof startModelWorld>>;

const refusingOpenAi = <OpenAi extends object>(openAi: OpenAi): OpenAi => ({
  ...openAi,
  mintClientSecret: () => Promise.reject(new BrokerError('openai_error')),
});

let events = 0;
const eventAt = <Type extends SessionEvent['type']>(type: Type, atMs: number) => ({
  type,
  id: `event-${++events}`,
  atMs,
});
export const connectedAt = (atMs: number): WidgetEvent => eventAt('connected', atMs);
export const heartbeatAt = (atMs: number): WidgetEvent => eventAt('heartbeat', atMs);
export const endedAt = (atMs: number): WidgetEvent => ({ ...eventAt('ended', atMs), reason: 'hung_up' });
export const usageAt = (atMs: number, tokens: Partial<TokenCounts>): WidgetEvent => {
  const event = eventAt('usage', atMs);
  return { ...event, responseId: `response of ${event.id}`, tokens: { ...NO_TOKENS, ...tokens } };
};

/** Runs a property against the engine, with the seed of the file so that a failure can be repeated. */
export const checked = async <Commands>(
  commands: fc.Arbitrary<Commands>,
  run: (commands: Commands) => Promise<void>,
  { seed, numRuns }: { readonly seed: number; readonly numRuns: number },
): Promise<void> => {
  await fc.assert(fc.asyncProperty(commands, run), {
    seed: Number(process.env['MODEL_SEED'] ?? seed),
    numRuns: Number(process.env['MODEL_RUNS'] ?? (isLong('model') ? numRuns : Math.ceil(numRuns / 3))),
    // A run starts its own workspace; shrinking over the network would take minutes and find the same.
    endOnFailure: true,
  });
};
