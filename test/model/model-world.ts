import fc from 'fast-check';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import {
  dynamoDbMeters,
  dynamoDbReports,
  dynamoDbSessionEnds,
} from '../../lambdas/adapters/aws/dynamodb-meters.ts';
import { primaryKey } from '../../lambdas/adapters/aws/items.ts';
import { meterItem, periodUsageItem } from '../../lambdas/adapters/aws/meter-item.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { SiteId, WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { BUILT_IN_PLANS, billingPeriodOf } from '../../lambdas/domain/plan.ts';
import { Refusal } from '../../lambdas/domain/refusal.ts';
import { signReport } from '../../lambdas/domain/report-signature.ts';
import type { SessionReport } from '../../lambdas/domain/session-meter.ts';
import { NO_TOKENS, type TokenCounts } from '../../lambdas/domain/token-counts.ts';
import { closeSilentSessions } from '../../lambdas/use-cases/close-silent-sessions.ts';
import { type MintedToken, mintToken } from '../../lambdas/use-cases/mint-token.ts';
import {
  type ReportReceipt,
  recordReports,
  type WidgetReport,
} from '../../lambdas/use-cases/record-reports.ts';
import { type AwsCall, startAwsProxy } from '../support/aws-proxy.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { startTestStack } from '../support/stack.ts';
import { ORIGIN } from '../support/tenant.ts';
import { MINT_SETTINGS, useCasePorts } from '../support/use-case-ports.ts';

/** What a crash looks like to the code that runs in it: nothing. Its process is gone; only what it wrote is left. */
class Crash extends Error {}

/** What happens to one request beside its own doing. */
export interface Mishap {
  /** The process dies right after so many of its writes. */
  readonly diesAfter?: number;
  /** OpenAI refuses the mint. */
  readonly openAiFails?: boolean;
}

export type Outcome<Result> =
  | { readonly is: 'done'; readonly result: Result }
  | { readonly is: 'refused'; readonly refusal: Refusal }
  | { readonly is: 'failed'; readonly error: unknown };

const WRITES: ReadonlySet<string> = new Set([
  'spend',
  'admit',
  'reserve',
  'settle',
  'noteKeyUse',
  'noteUnreadable',
  'release',
  'extend',
  'saveMeter',
  'saveHealth',
  'noteThreshold',
  'noteEnd',
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
    return error instanceof Refusal ? { is: 'refused', refusal: error } : { is: 'failed', error };
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
    world: { clock: time.clock },
    variables: { AWS_ENDPOINT_URL_DYNAMODB: network.url },
  });
  network.forwardTo(stack.dynamoDb.endpoint);
  const dynamoDb = dynamoDbClient({ AWS_REGION: 'us-east-1', AWS_ENDPOINT_URL_DYNAMODB: network.url });
  const names = Object.fromEntries(
    Object.entries(TABLES).map(([table, { name }]) => [table, name]),
  ) as Record<keyof typeof TABLES, string>;
  const reported = dynamoDbReports(dynamoDb, names);
  const common = { ...useCasePorts(stack), clock: time.clock };
  const reportPorts = {
    ...common,
    meters: dynamoDbMeters(dynamoDb, { usage: names.usage, dueIndex: TABLES.usage.index.name }),
    sessions: reported,
    health: reported,
    ends: dynamoDbSessionEnds(dynamoDb, names.sessions),
    notices: reported,
    plans: BUILT_IN_PLANS,
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

    mint: (siteId: string, visitor: number, { diesAfter, openAiFails }: Mishap = {}) => {
      const ports = openAiFails === true ? { ...common, openAi: refusingOpenAi(common.openAi) } : common;
      return outcomeOf<MintedToken>(
        mintToken(
          diesAfter === undefined ? ports : mortal(ports, diesAfter),
          MINT_SETTINGS,
        )({
          siteId: siteId as SiteId,
          origin: ORIGIN,
          sourceIp: `192.0.2.${visitor}`,
          visitorId: undefined,
          onOriginAllowed: () => undefined,
        }),
      );
    },

    report: (minted: MintedToken, reports: readonly WidgetReport[], { diesAfter }: Mishap = {}) => {
      const t = Math.floor(time.clock().getTime() / 1_000);
      const rawBody = JSON.stringify(reports);
      return outcomeOf<ReportReceipt>(
        recordReports(diesAfter === undefined ? reportPorts : mortal(reportPorts, diesAfter))({
          siteId: minted.session.siteId as SiteId,
          sessionId: minted.session.sessionId,
          origin: ORIGIN,
          signature: { t, v1: signReport(minted.signingSecret, t, rawBody) },
          rawBody,
          reports,
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
        meters: meters.map((item) => meterItem.parse(item)),
        period: periodUsageItem.parse(totals.find((item) => item['sk'] === sk) ?? {}),
        days,
      };
    },

    sweep: ({ diesAfter }: Mishap = {}) =>
      outcomeOf(
        closeSilentSessions(diesAfter === undefined ? reportPorts : mortal(reportPorts, diesAfter))(),
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
  mintClientSecret: () => Promise.reject(new Refusal('openai_error')),
});

let events = 0;
const eventAt = <Type extends SessionReport['type']>(type: Type, atMs: number) => ({
  type,
  id: `event-${++events}`,
  atMs,
});
export const connectedAt = (atMs: number): WidgetReport => eventAt('connected', atMs);
export const heartbeatAt = (atMs: number): WidgetReport => eventAt('heartbeat', atMs);
export const endedAt = (atMs: number): WidgetReport => ({ ...eventAt('ended', atMs), reason: 'hung_up' });
export const usageAt = (atMs: number, tokens: Partial<TokenCounts>): WidgetReport => {
  const event = eventAt('usage', atMs);
  return { ...event, responseId: `response of ${event.id}`, tokens: { ...NO_TOKENS, ...tokens } };
};

/** Runs a property against the engine, with the seed of the file so that a failure comes again. */
export const checked = async <Commands>(
  commands: fc.Arbitrary<Commands>,
  run: (commands: Commands) => Promise<void>,
  { seed, numRuns }: { readonly seed: number; readonly numRuns: number },
): Promise<void> => {
  await fc.assert(fc.asyncProperty(commands, run), {
    seed: Number(process.env['MODEL_SEED'] ?? seed),
    numRuns: Number(process.env['MODEL_RUNS'] ?? numRuns),
    // A run starts a workspace of its own; shrinking over the network would take minutes and find the same.
    endOnFailure: true,
  });
};
