import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { budgetItem } from '../../lambdas/adapters/aws/budgets/budget-item.ts';
import { dynamoDbBudgets } from '../../lambdas/adapters/aws/budgets/dynamodb-budgets.ts';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbSessionReader } from '../../lambdas/adapters/aws/sessions/dynamodb-session-reader.ts';
import { dynamoDbSessionUsage } from '../../lambdas/adapters/aws/sessions/dynamodb-session-usage.ts';
import { dynamoDbWorkspaces } from '../../lambdas/adapters/aws/tenancy/dynamodb-workspaces.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { Budget } from '../../lambdas/domain/budgets/budget.ts';
import { highestCostOfResponse } from '../../lambdas/domain/budgets/response-bound.ts';
import type { CallId } from '../../lambdas/domain/calls/call.ts';
import { ConflictError, DependencyUnavailableError } from '../../lambdas/domain/dependency.ts';
import { newSessionId, type SiteId, type WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { OpenAiFailure } from '../../lambdas/domain/openai-failure.ts';
import { POST_INSTRUCTION_TOKENS } from '../../lambdas/domain/openai-models.ts';
import { newSessionUsage, type SessionUsage } from '../../lambdas/domain/sessions/session-usage.ts';
import { withCallClosed } from '../../lambdas/domain/sessions/watched-usage.ts';
import { DEFAULT_CONVERSATION } from '../../lambdas/domain/tenancy/conversation.ts';
import { costOf } from '../../lambdas/domain/usage/cost.ts';
import { priceOf } from '../../lambdas/domain/usage/price-catalogue.ts';
import { NO_TOKENS, type TokenCounts } from '../../lambdas/domain/usage/token-counts.ts';
import { chargeBudgets } from '../../lambdas/use-cases/budgets/charge-budgets.ts';
import { findSpentBudget } from '../../lambdas/use-cases/budgets/find-spent-budget.ts';
import { reserveResponse } from '../../lambdas/use-cases/budgets/reserve-response.ts';
import { type WatchPorts, watchCall } from '../../lambdas/use-cases/calls/watch-call.ts';
import type { ResponseRequest, SidebandEvent, WatchRequest } from '../../lambdas/use-cases/ports/calls.ts';
import { closeSilentSessions } from '../../lambdas/use-cases/sessions/close-silent-sessions.ts';
import { aSession } from '../domain/sessions/session-usage-fixture.ts';
import { expectSuccess } from '../support/answers.ts';
import { tablesAt } from '../support/key-tables.ts';
import type { TestStack } from '../support/stack.ts';

/** The process of a watcher has died: only its writes are left. */
class Killed extends Error {}

/** One run of a watcher. It dies before or after one of its writes, or while it waits for an event. */
interface Process {
  dead: boolean;
  /** Writes until it dies; each counts twice: before and after. Infinity: none kills it. */
  writesLeft: number;
}

/** A database that does not answer in time, on a busy machine, ends a watcher as a crash does. */
const diedOf = (error: unknown): boolean =>
  error instanceof Killed || error instanceof DependencyUnavailableError;

/** Repeats a first write that was not answered in time; it may have been made anyway. */
const saved = async (write: () => Promise<void>): Promise<void> => {
  for (let attempt = 1; ; attempt++)
    try {
      return await write();
    } catch (error) {
      if (attempt > 1 && error instanceof ConflictError) return;
      if (!(error instanceof DependencyUnavailableError) || attempt === 10) throw error;
    }
};

/** Repeats a read of the test that was not answered in time. */
const answered = async <Value>(read: () => Promise<Value>): Promise<Value> => {
  for (let attempt = 1; ; attempt++)
    try {
      return await read();
    } catch (error) {
      if (!(error instanceof DependencyUnavailableError) || attempt === 10) throw error;
    }
};

type Pick = (limit: number) => number;

const price = priceOf('gpt-realtime-2.1-mini', new Date('2026-11-30T00:00:00Z'), 'global');
if (price === undefined) throw new Error('The model has no price.');

/** The highest cost of one response of these calls, micro-cents. */
export const BOUND = highestCostOfResponse(price, {
  instructions: '',
  turnMs: 0,
  maxOutputTokens: DEFAULT_CONVERSATION.maxOutputTokens,
});

/** The cost of the assistant speaking without a pause: 20 tokens a second. */
export const speechMicroCents = (seconds: number): number =>
  costOf({ ...NO_TOKENS, audioOut: seconds * 20 }, price).totalMicroCents;

/** A generator of whole numbers below `limit`. Order of concurrent calls varies from run to run, and the promise does not. */
export const numbers = (seed: number) => {
  let state = seed;
  return (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * limit);
  };
};

/** Waits for what a mishap may keep from happening. */
export const soon = async (isTrue: () => boolean): Promise<void> => {
  for (let waits = 0; waits < 100 && !isTrue(); waits++) await sleep(5);
};

/** Responses that a page still asks for after the amount is spent, while nobody hangs its call up. */
const MOST_ASKS_AFTER_SPENT = 4;

/** Longer than a watcher holds a call that it does not renew. */
export const LEASE_MS = 71_000;

/** The 15th of the next month, Unix milliseconds. */
const middleOfNextMonthMs = (): number => {
  const today = new Date();
  return Date.UTC(today.getUTCFullYear(), today.getUTCMonth() + 1, 15);
};

/** The same budget for the site and its workspace. */
export const setBudgets = async (
  stack: TestStack,
  {
    siteId,
    workspaceId,
    owner,
  }: { readonly siteId: string; readonly workspaceId: string; readonly owner: string },
  action: string,
  amountUsd: number,
): Promise<void> => {
  for (const path of [`/v1/sites/${siteId}`, `/v1/workspaces/${workspaceId}`])
    expectSuccess(
      await stack.call('PUT', `${path}/budget`, {
        as: owner,
        body: { period: 'month', amount_usd: amountUsd, action },
      }),
    );
};

/** Calls at an OpenAI of this process, and watchers of them over the real use cases, adapters and embedded engine. */
export const watchedCalls = (
  stack: TestStack,
  tenant: { readonly workspaceId: string; readonly siteId: string },
  pick: Pick,
  {
    turnByTurn,
    slowHangUps = false,
    asksAtOnce = false,
  }: {
    readonly turnByTurn: boolean;
    readonly slowHangUps?: boolean;
    /** Pages ask for the next response in the moment in which one ends, also if it was cancelled. */
    readonly asksAtOnce?: boolean;
  },
) => {
  const workspaceId = tenant.workspaceId as WorkspaceId;
  const siteId = tenant.siteId as SiteId;
  const dynamoDb = dynamoDbClient({
    AWS_REGION: 'us-east-1',
    AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint,
  });
  const tables = tablesAt(stack.dynamoDb.endpoint);
  const names = { keys: TABLES.keys.name, sessions: TABLES.sessions.name, usage: TABLES.usage.name };
  const meterReader = dynamoDbSessionReader(dynamoDb, names);
  const meters = dynamoDbSessionUsage(dynamoDb, { usage: names.usage, dueIndex: TABLES.usage.index.name });
  const budgets = dynamoDbBudgets(dynamoDb, {
    usage: names.usage,
    tenancy: TABLES.tenancy.name,
    writer: 'watch',
  });
  const workspaces = dynamoDbWorkspaces(dynamoDb, TABLES.tenancy.name);
  // The clock is far ahead at the end of a test. The budgets are of one month, which must not end meanwhile.
  const state = { aheadMs: middleOfNextMonthMs() - Date.now(), isSpent: false };
  /** Messages of the queue of hang-ups, which arrive when the test wants. */
  const queued: (() => void)[] = [];
  const opened: { end(): void }[] = [];
  const calls = new Map<string, { watch(from: WatchRequest): Promise<void> }>();
  const clock = (): Date => new Date(Date.now() + state.aheadMs);
  const random = randomBytes;
  const budgetItems = async (): Promise<readonly Budget[]> =>
    (await tables.usageOf(`BUDGET#${workspaceId}`)).map((item) => budgetItem.parse(item));

  const openCall = async () => {
    let aheadMs = 0;
    /** The clock of the watchers of this call. */
    const clockHere = (): Date => new Date(clock().getTime() + aheadMs);
    const session = {
      ...aSession({ mode: 'byok', mintedMs: clock().getTime() }),
      sessionId: newSessionId(clock(), random),
      workspaceId,
      siteId,
      openedWith: 'call' as const,
    };
    const admitted = {
      ...session,
      admission: { maxDurationSeconds: 3_600, holdSeconds: 0, connectBy: 0, slots: [], turnByTurn },
    };
    await saved(() => meters.saveUsage(newSessionUsage(admitted)));
    const request: WatchRequest = {
      siteId,
      sessionId: session.sessionId,
      callId: `rtc_${session.sessionId}` as CallId,
      openedAtMs: clock().getTime(),
      strict: true,
    };
    const invoice: TokenCounts[] = [];
    const running = new Set<Promise<void>>();
    const sidebands = new Set<{ events: SidebandEvent[]; process: Process }>();
    const ended: string[] = [];
    let isLive = true;
    let active:
      | { id: string; reservationId: string | undefined; wasWatched: boolean; afterSpent: boolean }
      | undefined;
    let answersTurns = !turnByTurn;
    let wholeAfterSpent = 0;
    let asksAfterSpent = 0;
    let stoppedMicroCents = 0;
    /** Responses whose end a watcher heard, less those that died with it before it wrote them. */
    let heard = 0;
    let previousItemId: string | null = null;
    let count = 0;

    const send = (event: SidebandEvent): void => {
      for (const { events } of sidebands) events.push(event);
    };
    const bill = (isStopped = false): TokenCounts => {
      if (isStopped) {
        // What it had said by then, and the conversation that it had read before.
        const some = { ...NO_TOKENS, cachedAudioIn: pick(POST_INSTRUCTION_TOKENS), audioOut: pick(20) };
        invoice.push(some);
        stoppedMicroCents += costOf(some, price).totalMicroCents;
        return some;
      }
      // Sometimes as much as a response can cost at all.
      const input = pick(4) === 0 ? POST_INSTRUCTION_TOKENS : pick(POST_INSTRUCTION_TOKENS);
      const output = pick(4) === 0 ? DEFAULT_CONVERSATION.maxOutputTokens : pick(1_000);
      const tokens = { ...NO_TOKENS, audioIn: input, audioOut: output };
      invoice.push(tokens);
      return tokens;
    };
    const begin = (reservationId?: string): void => {
      count += 1;
      active = {
        id: `resp_${count}`,
        reservationId,
        wasWatched: isWatched(),
        afterSpent: state.isSpent,
      };
      send({ type: 'response_started', responseId: active.id, maxOutputTokens: 1_024, reservationId });
    };
    const done = (isStopped = false): void => {
      if (active === undefined) return;
      if (isWatched()) heard += 1;
      const { id: responseId, reservationId } = active;
      active = undefined;
      send({ type: 'response_done', responseId, tokens: bill(isStopped), reservationId });
      if (!asksAtOnce) return;
      if (state.isSpent) asksAfterSpent += 1;
      if (asksAfterSpent <= MOST_ASKS_AFTER_SPENT) begin();
    };
    /** A response ends by itself. Counts those that a watcher could have stopped. */
    const finish = (): void => {
      if (state.isSpent && active?.wasWatched === true) wholeAfterSpent += 1;
      done();
    };
    /** No watcher can stop the response that runs. */
    const unwatch = (): void => {
      if (active !== undefined) active = { ...active, wasWatched: false };
    };
    const isWatched = (): boolean => [...sidebands].some(({ process }) => !process.dead);

    const start = async (from: WatchRequest, process: Process): Promise<void> => {
      const alive = <Value>(value: Value): Value => {
        if (process.dead) throw new Killed();
        return value;
      };
      const counting = (): void => {
        process.writesLeft -= 0.5;
        if (process.writesLeft <= 0) process.dead = true;
        alive(undefined);
      };
      const saveUsage: typeof meters.saveUsage = async (usage, charged) => {
        counting();
        await meters.saveUsage(usage, charged);
        if ((charged?.length ?? 0) > 0)
          state.isSpent ||= (await budgetItems()).some(({ remainingMicroCents }) => remainingMicroCents <= 0);
        counting();
      };
      const reading = {
        readSessionUsage: async (...given: Parameters<typeof meterReader.readSessionUsage>) =>
          alive(await meterReader.readSessionUsage(...given)),
      };
      const base = {
        clock: clockHere,
        random,
        backOff: async () => alive(await sleep(1 + pick(4))),
        meterReader: reading,
        workspaces,
      };
      const hangUps = {
        send: async (message: { readonly kind: string }) => {
          const handle = (): void => {
            if (message.kind === 'end') call.end();
            else for (const each of opened) each.end();
          };
          if (slowHangUps) queued.push(handle);
          else handle();
        },
      };
      const ports = {
        ...base,
        hangUps,
        records: { readCall: async () => ({ session: admitted, state: 'issued', callId: request.callId }) },
        sites: {
          readSite: async () => ({
            control: turnByTurn ? 'locked' : 'brokered',
            instructions: '',
            conversation: DEFAULT_CONVERSATION,
          }),
        },
        sessionUsage: chargeBudgets({
          ...base,
          hangUps,
          budgets,
          sessionUsage: { saveUsage },
          onUnsettled: () => undefined,
        } as unknown as Parameters<typeof chargeBudgets>[0]),
        reservations: reserveResponse({ ...base, budgets, sessionUsage: { saveUsage } }),
        keys: { findKey: async () => ({ scope: 'workspace', version: 1 }) },
        keyUses: { intend: async () => undefined, settle: async () => undefined },
        opener: { withPlaintext: (_: unknown, use: () => unknown) => use() },
        sidebands: {
          admittedFields: () => ({}),
          attach: async () => {
            alive(undefined);
            if (!isLive) return { result: 'no_call' };
            const sideband = { events: [] as SidebandEvent[], process };
            sidebands.add(sideband);
            return {
              result: 'attached',
              sideband: {
                begin: () => sideband.events.push({ type: 'session', fields: {} }),
                restore: () => undefined,
                silence: () => {
                  alive(undefined);
                  done(true);
                },
                stop: () => {
                  alive(undefined);
                  answersTurns = false;
                },
                respond: ({ reservationId }: ResponseRequest) => {
                  alive(undefined);
                  if (!sidebands.has(sideband)) return false;
                  if (active !== undefined) sideband.events.push({ type: 'refused', reservationId });
                  else begin(reservationId);
                  return true;
                },
                next: async () => {
                  for (let waits = 0; waits < 5 && sideband.events.length === 0; waits++) await sleep(1);
                  return alive(sideband.events.shift());
                },
                close: async () => {
                  sidebands.delete(sideband);
                },
              },
            };
          },
        },
        calls: {
          hangUp: async () => {
            alive(undefined);
            if (slowHangUps && pick(2) === 0) throw new OpenAiFailure('upstream_error', { status: 500 });
            call.end();
            return { openAiRequestId: undefined };
          },
        },
        spentBudgets: findSpentBudget({ ...base, budgets }),
        plans: [],
        notices: {},
        watchers: { start: async (next: WatchRequest) => call.watch(next) },
      } as unknown as WatchPorts;
      const endedWith = (outcome: string): void => {
        ended.push(outcome);
        // Until the next watcher attaches, nobody can stop the response that runs.
        if (!isWatched()) unwatch();
      };
      const run = watchCall(ports)(from).then(endedWith, (error: unknown) =>
        endedWith(diedOf(error) ? 'killed' : String(error)),
      );
      running.add(run);
      void run.then(() => running.delete(run));
    };

    const call = {
      ended,
      invoice: (): number => invoice.reduce((sum, tokens) => sum + costOf(tokens, price).totalMicroCents, 0),
      responses: () => invoice.length,
      /** The cost of responses that a watcher stopped. */
      stoppedInvoice: () => stoppedMicroCents,
      isLive: () => isLive,
      isAnswering: () => active !== undefined,
      /** A response runs that began after the amount was counted as spent, and a watcher is there to stop it. */
      isToBeStopped: () => active?.afterSpent === true && active.wasWatched && isWatched(),
      usage: async (): Promise<SessionUsage | undefined> =>
        (await answered(() => meterReader.readSessionUsage(siteId, [session.sessionId]))).get(
          session.sessionId,
        ),
      watch: (from: WatchRequest = request, writesLeft = Number.POSITIVE_INFINITY): Promise<void> =>
        start(from, { dead: false, writesLeft }),
      /** The visitor says something. OpenAI answers by itself where nobody asks for each response. */
      speak: (): void => {
        if (!isLive) return;
        count += 1;
        const itemId = `item_${session.sessionId}_${count}`;
        send({ type: 'speech', speaking: true, atMs: 0 });
        send({ type: 'speech', speaking: false, atMs: 0 });
        send({ type: 'turn', itemId });
        send({ type: 'item', itemId, previousItemId });
        previousItemId = itemId;
        if (answersTurns && active === undefined) begin();
      },
      /** The page starts a response by itself. */
      ask: (): void => {
        if (isLive && active === undefined) begin();
      },
      finish,
      isWatched,
      /** Time passes for this call alone, so that the leases of other calls do not lapse. */
      advance: (ms: number): void => {
        aheadMs += ms;
      },
      isRunning: () => running.size > 0,
      /** Responses that ended by themselves after the amount was counted as spent. The end of the call can cut off one more. */
      wholeAfterSpent: () => wholeAfterSpent,
      kill: (): void => {
        unwatch();
        for (const { process } of sidebands) process.dead = true;
      },
      /** OpenAI closes the connections of the watchers; the call continues. */
      disconnect: (): void => {
        unwatch();
        for (const sideband of sidebands) {
          sideband.events.push({ type: 'closed' });
          sidebands.delete(sideband);
        }
      },
      /** A response that is cut off is billed, and nobody learns of it. */
      end: (): void => {
        if (!isLive) return;
        isLive = false;
        if (active !== undefined) bill(true);
        active = undefined;
        call.disconnect();
      },
      isHeard: () => sidebands.size > 0 && [...sidebands].every(({ events }) => events.length === 0),
      isCounted: async () => ((await call.usage())?.responses ?? 0) >= heard,
      /** A watcher has died, and wrote no more than this. */
      countFromHere: async (): Promise<void> => {
        heard = (await call.usage())?.responses ?? 0;
      },
      /** The end as the hang-up function records it, which has no budgets at hand. */
      closedByBroker: async (): Promise<void> => {
        call.end();
        const usage = await call.usage();
        if (usage === undefined) throw new Error('The call has no usage.');
        await meters.saveUsage({ ...withCallClosed(usage, clockHere()), silent: true });
      },
      settled: async (): Promise<void> => {
        while (running.size > 0) await Promise.all(running);
      },
    };
    opened.push(call);
    calls.set(session.sessionId, call);
    return call;
  };

  return {
    openCall,
    budgetItems,
    isSpent: () => state.isSpent,
    /** The queue of hang-ups is handled. */
    deliverHangUps: () => {
      for (const handle of queued.splice(0)) handle();
    },
    /** The sweeper over the real index; the watchers that it starts run here. */
    sweep: closeSilentSessions(
      {
        clock,
        records: { readCall: async () => undefined },
        sessionUsage: meters,
        ends: { recordEnd: async () => undefined },
        live: { removeLive: async () => undefined },
        hangUps: { send: async () => undefined },
        watchers: {
          start: async (request) => {
            await calls.get(request.sessionId)?.watch(request);
          },
        },
      },
      { watch: 'eager' },
    ),
    advance: (ms: number) => {
      state.aheadMs += ms;
    },
    close: () => dynamoDb.destroy(),
  };
};
