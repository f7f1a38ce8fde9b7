import { setImmediate as nextTurn } from 'node:timers/promises';
import { afterEach, describe, expect, it } from '@jest/globals';
import type { CallId } from '../../../lambdas/domain/calls/call.ts';
import type { KeyUse, KeyUseOutcome } from '../../../lambdas/domain/calls/key-use.ts';
import type { WatchedEvent } from '../../../lambdas/domain/calls/watched-call.ts';
import { ConflictError, DependencyUnavailableError } from '../../../lambdas/domain/dependency.ts';
import { OpenAiFailure } from '../../../lambdas/domain/openai-failure.ts';
import { type Receipt, receiptOf } from '../../../lambdas/domain/sessions/receipt.ts';
import { newSessionUsage, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import {
  WATCH_LEASE_MS,
  WATCH_RENEWAL_MS,
  withCallClosed,
} from '../../../lambdas/domain/sessions/watched-usage.ts';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import { costOf } from '../../../lambdas/domain/usage/cost.ts';
import { priceOf } from '../../../lambdas/domain/usage/price-catalogue.ts';
import { addTokens, NO_TOKENS, type TokenCounts } from '../../../lambdas/domain/usage/token-counts.ts';
import { type WatchPorts, watchCall } from '../../../lambdas/use-cases/calls/watch-call.ts';
import type { ResponseRequest, SidebandEvent, WatchRequest } from '../../../lambdas/use-cases/ports/calls.ts';
import { aSession, MINTED_MS } from '../../domain/sessions/session-usage-fixture.ts';

/** One call at OpenAI and the watchers of it, in process, by a clock that moves while watchers wait. */

/** OpenAI's answer to a second sideband, which is not documented. */
type SecondSideband = 'allowed' | 'refused' | 'closes the first';

const SESSION = { ...aSession({ mode: 'byok' }), openedWith: 'call' as const };
const REQUEST: WatchRequest = {
  siteId: SESSION.siteId,
  sessionId: SESSION.sessionId,
  callId: 'rtc_1' as CallId,
  openedAtMs: MINTED_MS,
  strict: true,
};
const UPDATED: WatchedEvent = { type: 'session', fields: { voice: '"marin"' } };

/** Ends the calls of a test, so that watchers of one that failed do not continue. */
const ends: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0)) await end();
});

class Killed extends Error {}

interface FakeSideband {
  readonly events: SidebandEvent[];
  isOpen: boolean;
  isKilled: boolean;
  /** Resolves when all that was sent has arrived, in order. */
  delivered: Promise<void>;
}

const price = priceOf(SESSION.model, new Date(MINTED_MS), 'global');
if (price === undefined) throw new Error('The model has no price.');
const microCentsOf = (tokens: TokenCounts): number => costOf(tokens, price).totalMicroCents;

/** Turns of the event loop that an event takes on a slow connection. */
const LAG_TURNS = 150;
/** A wait lasts a turn for this many milliseconds, and moves the clock by several times as much: calls are long. */
const MS_PER_TURN = 10;
const HASTE = 8;

const world = (
  second: SecondSideband,
  { session = SESSION, capSeconds = 0, site = {} as object, replaces = undefined as string | undefined } = {},
) => {
  let nowMs = MINTED_MS;
  let stored: SessionUsage = newSessionUsage(session);
  const hungUp: string[] = [];
  const sidebandLog: string[] = [];
  const budget = { isSpent: false, isTight: false, isCrossed: false, reads: 0 };
  const keyUses: string[] = [];
  let hangUpFails = false;
  let hangUpHangs = false;
  let settleFails = false;
  let sidebands: FakeSideband[] = [];
  let invoice: TokenCounts = NO_TOKENS;
  let isLive = true;
  let outageUntilMs = 0;
  let queueFails = false;
  let refusals = 0;
  let writes = 0;
  let previousItemId: string | null = null;
  let responses = 0;
  const running = new Set<Promise<void>>();
  const outcomes: string[] = [];
  const requests: WatchRequest[] = [];
  const responseRequests: ResponseRequest[] = [];
  const reserved: unknown[] = [];

  const close = (sideband: FakeSideband): void => {
    if (!sideband.isOpen) return;
    sideband.isOpen = false;
    sideband.delivered = sideband.delivered.then(() => {
      sideband.events.push({ type: 'closed' });
    });
    sidebands = sidebands.filter((one) => one !== sideband);
  };
  const send = (event: SidebandEvent): void => {
    for (const one of sidebands)
      one.delivered = one.delivered.then(async () => {
        // The oldest connection is the slowest: what it hears last, its successor does not hear at all.
        for (let turns = 0; turns < (one === sidebands[0] ? LAG_TURNS : 0); turns++) await nextTurn();
        one.events.push(event);
      });
  };
  const start = async (request: WatchRequest): Promise<void> => {
    requests.push(request);
    const run = watchCall(ports)(request).then(
      (outcome) => {
        outcomes.push(outcome);
      },
      (error: unknown) => {
        outcomes.push(error instanceof Killed ? 'killed' : String(error));
      },
    );
    running.add(run);
    void run.then(() => running.delete(run));
  };
  const failing = (): void => {
    if (nowMs < outageUntilMs)
      throw new DependencyUnavailableError('dynamodb', 'PutItem', 'InternalServerError');
  };
  const ports = {
    clock: () => new Date(nowMs),
    random: (size: number) => Buffer.alloc(size),
    backOff: async () => {
      nowMs += 50;
      await nextTurn();
    },
    records: {
      readCall: async () => ({ session, state: 'issued', callId: REQUEST.callId, replaces }),
    },
    sites: {
      readSite: async () => ({
        control: 'brokered',
        instructions: '',
        tools: [],
        conversation: DEFAULT_CONVERSATION,
        ...site,
      }),
    },
    meterReader: {
      readSessionUsage: async () => {
        await nextTurn();
        failing();
        return new Map([[SESSION.sessionId, stored]]);
      },
    },
    sessionUsage: {
      saveUsage: async (usage: SessionUsage, _: unknown, cap?: number, onSpent?: () => void) => {
        await nextTurn();
        if (budget.isCrossed) onSpent?.();
        failing();
        if (cap !== (usage.holdSeconds > stored.holdSeconds ? capSeconds : undefined))
          throw new Error(`A hold was saved on the condition of ${cap} s.`);
        if (usage.revision !== stored.revision) throw new ConflictError();
        stored = { ...usage, revision: usage.revision + 1 };
        writes += 1;
      },
    },
    keys: { findKey: async () => ({ scope: 'workspace', version: 1 }) },
    keyUses: {
      intend: async () => undefined,
      settle: async ({ reason }: KeyUse, { result, openAiRequestId }: KeyUseOutcome) => {
        if (settleFails) {
          settleFails = false;
          throw new DependencyUnavailableError('dynamodb', 'UpdateItem', 'InternalServerError');
        }
        keyUses.push(`${reason} ${result} ${openAiRequestId ?? 'without id'}`);
      },
    },
    spentBudgets: {
      look: async () => {
        budget.reads += 1;
        if (budget.isSpent) return 'spent';
        return budget.isTight ? 'tight' : 'open';
      },
    },
    calls: {
      hangUp: async () => {
        if (hangUpFails) throw new OpenAiFailure('upstream_error', { status: 500, requestId: 'req_2' });
        while (hangUpHangs) await nextTurn();
        isLive = false;
        for (const one of sidebands) close(one);
        return { openAiRequestId: 'req_1' };
      },
    },
    opener: { withPlaintext: (_: unknown, use: () => unknown) => use() },
    sidebands: {
      admittedFields: () => ({}),
      attach: async () => {
        await nextTurn();
        if (!isLive) return { result: 'no_call' };
        if (refusals > 0) {
          refusals -= 1;
          return { result: 'refused' };
        }
        if (sidebands.length > 0 && second === 'refused') return { result: 'refused' };
        if (second === 'closes the first') for (const one of sidebands) close(one);
        const sideband: FakeSideband = {
          events: [],
          isOpen: true,
          isKilled: false,
          delivered: Promise.resolve(),
        };
        sidebands.push(sideband);
        return {
          result: 'attached',
          sideband: {
            begin: () => send(UPDATED),
            restore: () => send(UPDATED),
            silence: () => sidebandLog.push('silence'),
            stop: () => sidebandLog.push('stop'),
            respond: (asked: ResponseRequest) => {
              responseRequests.push(asked);
              return true;
            },
            next: async (timeoutMs: number) => {
              for (let turns = 0; turns < timeoutMs / MS_PER_TURN && sideband.events.length === 0; turns++)
                await nextTurn();
              if (sideband.isKilled) throw new Killed();
              if (sideband.events.length === 0) nowMs += HASTE * timeoutMs;
              return sideband.events.shift();
            },
            close: async () => close(sideband),
          },
        };
      },
    },
    reservations: {
      reserve: async (_: unknown, __: number, turn: unknown) => {
        reserved.push(turn);
        return { result: 'reserved', id: 'rsv_1' };
      },
    },
    hangUps: {
      send: async ({ by }: { by: string }, delaySeconds?: number) => {
        if (queueFails) throw new DependencyUnavailableError('sqs', 'SendMessage', 'InternalError');
        hungUp.push(delaySeconds === undefined ? by : `${by} after ${delaySeconds} s`);
      },
    },
    // A plan of whole minutes with a hard cap, of which this session's hold is all that is taken.
    plans: [{ name: 'free', includedMinutes: capSeconds / 60, hardCap: true }],
    workspaces: { readWorkspace: async () => ({ billingMode: 'managed', plan: 'free' }) },
    notices: { readPeriod: async () => ({ committedSeconds: stored.holdSeconds }) },
    watchers: { start },
  } as unknown as WatchPorts;

  const until = async (isTrue: () => boolean): Promise<void> => {
    for (let turns = 0; !isTrue(); turns++) {
      if (turns > 1_000_000) throw new Error('It never happens.');
      await nextTurn();
    }
  };
  const end = async (): Promise<Receipt & { readonly invoice: TokenCounts }> => {
    isLive = false;
    for (const one of sidebands) close(one);
    while (running.size > 0) await Promise.all(running);
    return { ...receiptOf(stored), invoice };
  };
  ends.push(end);
  return {
    start: () => start(REQUEST),
    requests,
    responseRequests,
    reserved,
    sidebandLog,
    budget,
    keyUses,
    failHangUps: () => {
      hangUpFails = true;
    },
    /** OpenAI does not answer hang-ups until the function that this returns is called. */
    holdHangUps: () => {
      hangUpHangs = true;
      return () => {
        hangUpHangs = false;
      };
    },
    /** The next outcome of a key use is not written. */
    failNextSettle: () => {
      settleFails = true;
    },
    send,
    /** The page reports that sound flows. */
    connect: () => {
      stored = { ...stored, connectedAtMs: nowMs };
    },
    outcomes,
    hungUp,
    until,
    pass: (ms: number) => {
      const at = nowMs + ms;
      return until(() => {
        // Nobody waits: the time passes anyway.
        if (running.size === 0) nowMs = at;
        return nowMs >= at;
      });
    },
    listeners: () => sidebands.length,
    isWatched: () => stored.watch?.attached === true,
    generation: () => stored.watch?.generation ?? 0,
    /** Times that its usage was written. */
    writes: () => writes,
    heldForMs: () => (stored.watch?.untilMs ?? 0) - nowMs,
    responses: () => stored.responses,
    usage: () => stored,
    /** The hang-up function has ended it. */
    closeByBroker: () => {
      isLive = false;
      stored = { ...withCallClosed(stored, new Date(nowMs)), silent: true };
    },
    respond: () => {
      responses += 1;
      const itemId = `item_${responses}`;
      const responseId = `resp_${responses}`;
      const tokens = { ...NO_TOKENS, audioIn: 10 * responses, audioOut: responses };
      invoice = addTokens(invoice, tokens);
      send({ type: 'response_started', responseId, maxOutputTokens: null });
      send({ type: 'item', itemId, previousItemId });
      send({ type: 'response_done', responseId, tokens });
      previousItemId = itemId;
    },
    /** Billed, and no part of the conversation: no later item follows it. */
    respondApart: () => {
      responses += 1;
      const tokens = { ...NO_TOKENS, audioIn: 10 * responses, audioOut: responses };
      invoice = addTokens(invoice, tokens);
      send({ type: 'response_done', responseId: `resp_${responses}`, tokens });
    },
    killOldest: () => {
      const [oldest] = sidebands;
      if (oldest === undefined) throw new Error('Nobody listens.');
      oldest.isKilled = true;
      oldest.events.unshift(UPDATED);
    },
    kill: () => {
      for (const sideband of sidebands) {
        sideband.isKilled = true;
        sideband.events.push(UPDATED);
      }
    },
    /** Replaces a lost watcher as the sweeper does, without waiting for it. */
    sweep: async () => {
      const { watch } = stored;
      nowMs = Math.max(nowMs, watch?.untilMs ?? 0);
      await start({ ...REQUEST, strict: false });
    },
    /** OpenAI closes the connections while the call continues, and refuses the next ones. */
    disconnect: (refused: number) => {
      refusals = refused;
      for (const one of sidebands) close(one);
    },
    failQueue: () => {
      queueFails = true;
    },
    failFor: (ms: number) => {
      outageUntilMs = nowMs + ms;
    },
    end,
  };
};

/** A number in [0, 1) for each call, the same ones for the same seed. */
const numbers = (seed: number) => {
  let state = seed * 2_654_435_761 + 1;
  return (): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state / 2 ** 32;
  };
};

describe('a call that passes from watcher to watcher', () => {
  it('loses and duplicates none of 60 responses, and is complete, if two sidebands may attach', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    const random = numbers(7);
    for (let i = 0; i < 60; i++) {
      await call.pass(random() * 10 * 60_000);
      // Some come while two watchers listen, at each step of the handover.
      const requested = call.requests.length;
      if (i % 2 === 0) await call.until(() => call.requests.length > requested);
      if (i % 4 === 0) await call.until(() => call.listeners() === 2);
      if (i % 4 === 0) for (let turns = random() * 100; turns > 1; turns--) await nextTurn();
      call.respond();
    }
    const { tokens, invoice, usageComplete } = await call.end();
    expect(call.requests.length).toBeGreaterThan(30);
    expect(tokens).toEqual(invoice);
    expect(usageComplete).toBe(true);
    expect(new Set(call.outcomes)).toEqual(new Set(['handed_over', 'ended']));
  });

  it.each(['refused', 'closes the first'] as const)(
    'is not complete if a second sideband is %s, but duplicates no response',
    async (second) => {
      const call = world(second);
      await call.start();
      await call.until(call.isWatched);
      const random = numbers(11);
      for (let i = 0; i < 60; i++) {
        await call.pass(random() * 5 * 60_000);
        call.respond();
      }
      const { tokens, invoice, usageComplete } = await call.end();
      expect(call.requests.length).toBeGreaterThan(5);
      expect(usageComplete).toBe(false);
      expect(tokens.audioOut).toBeLessThanOrEqual(invoice.audioOut);
      // All but what fell between two sidebands is counted.
      expect(tokens.audioOut).toBeGreaterThan(0.8 * invoice.audioOut);
    },
  );
});

describe('the watcher of a live call', () => {
  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12])(
    'counts no response twice, and never marks a session with a missing response as complete (%d)',
    async (seed) => {
      const random = numbers(seed);
      const call = world('allowed');
      await call.start();
      if (random() < 0.5) await call.start();
      for (let i = 0; i < 20; i++) {
        await call.pass(random() * 8 * 60_000);
        const what = random();
        if (what < 0.6) call.respond();
        else if (what < 0.8) call.kill();
        else await call.sweep();
      }
      const { tokens, invoice, usageComplete } = await call.end();
      expect(tokens.audioOut).toBeLessThanOrEqual(invoice.audioOut);
      expect(tokens.audioIn).toBe(tokens.audioOut * 10);
      if (usageComplete) expect(tokens).toEqual(invoice);
    },
  );

  it('leaves the session incomplete if it dies after a handover with unwritten events', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    const requested = call.requests.length;
    await call.until(() => call.requests.length > requested);
    // The old watcher hears it late, and its successor attaches after it.
    call.respondApart();
    await call.until(() => call.generation() === 2);
    call.killOldest();
    await call.pass(60_000);
    const { tokens, invoice, usageComplete } = await call.end();
    expect(tokens.audioOut).toBeLessThan(invoice.audioOut);
    expect(usageComplete).toBe(false);
  });

  it('leaves the session incomplete if it takes an expired watch, even if it sees no gap between items', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    call.kill();
    await call.until(() => call.outcomes.includes('killed'));
    call.respondApart();
    await call.sweep();
    await call.until(() => call.generation() === 2 && call.isWatched());
    call.respond();
    await call.pass(30_000);
    const { tokens, invoice, usageComplete, costMicroCents } = await call.end();
    expect(tokens.audioOut).toBeLessThan(invoice.audioOut);
    expect(usageComplete).toBe(false);
    // Some 70 s of speech: an estimate of what nobody saw.
    expect(costMicroCents).toBeGreaterThan(microCentsOf({ ...NO_TOKENS, audioOut: 70 * 20 }));
  });

  it('that loses its connection for a while estimates the cost of that time', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    call.disconnect(2);
    await call.until(() => call.listeners() === 1);
    await call.until(() => call.usage().unwatchedMicroCents > 0);
    const { costMicroCents, usageComplete } = await call.end();
    expect(usageComplete).toBe(false);
    expect(costMicroCents).toBe(call.usage().unwatchedMicroCents);
  });

  it('that is the first and comes too late estimates the time before it once', async () => {
    const call = world('allowed');
    call.respond();
    await call.pass(90_000);
    await call.start();
    await call.until(call.isWatched);
    // The first item that it sees follows one that it did not see.
    call.respond();
    await call.pass(5_000);
    await call.end();
    const { unwatchedMicroCents } = call.usage();
    expect(unwatchedMicroCents).toBeGreaterThan(microCentsOf({ ...NO_TOKENS, audioOut: 89 * 20 }));
    expect(unwatchedMicroCents).toBeLessThan(microCentsOf({ ...NO_TOKENS, audioOut: 120 * 20 }));
  });

  it('that dies and is not replaced before the call ends leaves its time to be settled, once', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    call.kill();
    await call.until(() => call.outcomes.includes('killed'));
    call.respondApart();
    await call.pass(30_000);
    call.closeByBroker();
    await call.sweep();
    await call.until(() => call.outcomes.length === 2);
    const settled = call.usage();
    expect(call.outcomes).toEqual(['killed', 'not_taken']);
    expect(settled.unwatchedMicroCents).toBeGreaterThan(microCentsOf({ ...NO_TOKENS, audioOut: 30 * 20 }));
    await call.sweep();
    await call.until(() => call.outcomes.length === 3);
    expect(call.usage()).toEqual(settled);
    expect(receiptOf(settled)).toMatchObject({ usageComplete: false, estimated: true });
  });

  it('renews its watch with each response, and writes nothing else while the visitor talks', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    let before = 0;
    for (let turn = 0; turn <= 20; turn++) {
      // One event: each takes some twelve seconds of this clock to arrive.
      call.respondApart();
      await call.until(() => call.responses() === turn + 1);
      expect(call.heldForMs()).toBeGreaterThan(WATCH_LEASE_MS - WATCH_RENEWAL_MS);
      // The watch was taken some seconds before the first response.
      if (turn === 0) before = call.writes();
    }
    expect(call.writes() - before).toBe(20);
  });

  it('renews its watch every 20 seconds without a response', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    const before = call.writes();
    await call.pass(5 * WATCH_RENEWAL_MS + 10_000);
    // The clock of this test moves in steps of two seconds.
    expect(call.writes() - before).toBeGreaterThanOrEqual(4);
    expect(call.heldForMs()).toBeGreaterThan(0);
  });

  it('continues without loss if the database fails for ten seconds', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    call.respond();
    call.failFor(10_000);
    call.respond();
    await call.pass(30_000);
    call.respond();
    const { tokens, invoice, usageComplete } = await call.end();
    expect(tokens).toEqual(invoice);
    expect(usageComplete).toBe(true);
    expect(call.outcomes).toEqual(['ended']);
  });
});

describe('the end of a watched call', () => {
  it('is queued once by the watcher that sees it, two seconds later than by others', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    call.respond();
    await call.pass(15 * 60_000);
    expect(call.hungUp).toEqual([]);
    await call.end();
    expect(call.outcomes).toContain('handed_over');
    expect(call.hungUp).toEqual(['openai after 2 s']);
  });

  it('is not queued by a watcher that never heard the call, because OpenAI may not know the call yet', async () => {
    const call = world('allowed');
    await call.end();
    await call.start();
    await call.until(() => call.outcomes.length === 1);
    expect(call.outcomes).toEqual(['ended']);
    expect(call.hungUp).toEqual([]);
  });

  it('is not queued by a watcher that disconnects or leaves while the call continues', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    call.disconnect(1);
    await call.until(() => call.listeners() === 1);
    expect(call.hungUp).toEqual([]);
    call.disconnect(10);
    await call.until(() => call.outcomes.length === 1);
    expect(call.outcomes).toEqual(['left']);
    expect(call.hungUp).toEqual([]);
  });

  it('is recorded even if the queue fails', async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    call.failQueue();
    const { usageComplete } = await call.end();
    expect(call.outcomes).toEqual(['ended']);
    expect(usageComplete).toBe(true);
  });
});

describe('a hard-capped call whose page reports nothing', () => {
  const session = {
    ...aSession({ mode: 'managed', holdSeconds: 120, maxDurationSeconds: 1_800 }),
    openedWith: 'call' as const,
  };

  it('is billed for its whole duration, although its admission held less', async () => {
    const call = world('allowed', { session, capSeconds: 6_000 });
    await call.start();
    await call.until(call.isWatched);
    await call.pass(600_000);
    const { billedSeconds } = await call.end();
    expect(billedSeconds).toBeGreaterThanOrEqual(600);
    expect(billedSeconds).toBeLessThan(630);
    expect(call.hungUp).toEqual(['openai after 2 s']);
  });

  it('is hung up when the plan is used up, even if responses renew the watch', async () => {
    const call = world('allowed', { session, capSeconds: 120 });
    await call.start();
    await call.until(call.isWatched);
    let turns = 0;
    while (call.hungUp.length === 0) {
      turns++;
      call.respondApart();
      await call.until(() => call.responses() === turns);
    }
    expect(call.hungUp).toContain('max_duration');
    // Two minutes; the watcher that hands over after eleven would notice it too.
    expect(turns).toBeLessThan(20);
    expect((await call.end()).billedSeconds).toBe(120);
  });

  it('is hung up when the plan is used up, and is billed for no more', async () => {
    const call = world('allowed', { session, capSeconds: 300 });
    await call.start();
    await call.until(call.isWatched);
    await call.pass(280_000);
    expect(call.hungUp).toEqual([]);
    await call.pass(60_000);
    expect(new Set(call.hungUp)).toEqual(new Set(['max_duration']));
    expect((await call.end()).billedSeconds).toBe(300);
  });
});

describe('the first message of a watched call', () => {
  const conversation = { ...DEFAULT_CONVERSATION, firstMessage: { type: 'instructions', text: 'Greet.' } };

  it('on a locked site is requested once, when the page is connected', async () => {
    const call = world('allowed', { site: { control: 'locked', conversation } });
    await call.start();
    await call.until(call.isWatched);
    await call.pass(2_000);
    expect(call.responseRequests).toEqual([]);
    call.connect();
    await call.until(() => call.responseRequests.length > 0);
    await call.pass(60_000);
    expect(call.responseRequests).toMatchObject([{ prompt: 'Begin the conversation. Greet.' }]);
    await call.end();
  });

  it('under never_exceed is reserved with its own bytes before the request', async () => {
    const session = { ...SESSION, admission: { turnByTurn: true } } as unknown as typeof SESSION;
    const call = world('allowed', { session, site: { control: 'locked', conversation } });
    await call.start();
    await call.until(call.isWatched);
    call.connect();
    await call.until(() => call.responseRequests.length > 0);
    const instructions = expect.stringContaining('Begin the conversation. Greet.');
    expect(call.reserved).toMatchObject([{ turnId: 'first_message', turnMs: 0, instructions }]);
    expect(call.responseRequests).toMatchObject([{ reservationId: 'rsv_1' }]);
    await call.end();
  });

  it.each([
    ['of another site is left to the page', { site: { control: 'brokered', conversation } }],
    [
      'is not repeated in a call that replaces another',
      { site: { control: 'locked', conversation }, replaces: 'ses_1' },
    ],
    ['is not requested if the site has none', { site: { control: 'locked' } }],
  ])('%s', async (_, options) => {
    const call = world('allowed', options);
    await call.start();
    await call.until(call.isWatched);
    call.connect();
    await call.pass(60_000);
    expect(call.responseRequests).toEqual([]);
    await call.end();
  });

  it('waits until the database answers, and the watcher continues', async () => {
    const call = world('allowed', { site: { control: 'locked', conversation } });
    await call.start();
    await call.until(call.isWatched);
    call.failFor(5_000);
    await call.pass(3_000);
    call.connect();
    await call.until(() => call.responseRequests.length > 0);
    await call.end();
  });
});

describe('the watcher of a call whose budget is spent', () => {
  const watched = async () => {
    const call = world('allowed');
    await call.start();
    await call.until(call.isWatched);
    return call;
  };

  it('stops responses as soon as it charges the response that spends the budget, and hangs the call up', async () => {
    const call = await watched();
    call.respond();
    await call.until(() => call.responses() === 1);
    expect(call.sidebandLog).toEqual([]);
    call.budget.isCrossed = true;
    call.respond();
    await call.until(() => call.outcomes.length === 1);
    expect(call.sidebandLog).toEqual(['stop']);
    expect(call.keyUses).toEqual(['watch ok without id', 'hangup ok req_1', 'watch ok without id']);
    // The hang-up function records who ended it, and finds it ended.
    expect(call.hungUp).toEqual(['budget', 'openai after 2 s']);
    const { tokens, invoice } = await call.end();
    expect(tokens).toEqual(invoice);
  });

  it('stops a response that starts after another call spent the budget', async () => {
    const call = await watched();
    call.budget.isSpent = true;
    call.respond();
    await call.until(() => call.outcomes.length === 1);
    expect(call.sidebandLog).toEqual(['stop']);
    expect(call.hungUp).toContain('budget');
  });

  it('hangs the call up before any response if it starts late', async () => {
    const call = world('allowed');
    call.budget.isSpent = true;
    await call.start();
    await call.until(() => call.outcomes.length === 1);
    expect(call.sidebandLog).toEqual(['stop']);
    expect(call.keyUses).toContain('hangup ok req_1');
  });

  it('stops each response of the page while OpenAI does not hang up, and still counts billed ones', async () => {
    const call = await watched();
    call.failHangUps();
    call.budget.isCrossed = true;
    for (let responses = 1; responses <= 3; responses++) {
      call.respond();
      await call.until(() => call.responses() === responses);
    }
    await call.until(() => call.keyUses.length === 2);
    expect(call.sidebandLog).toEqual(['stop', 'silence', 'silence', 'silence']);
    // It asks once: the queue tries again for an hour.
    expect(call.hungUp).toEqual(['budget']);
    expect(call.keyUses).toContain('hangup upstream_error req_2');
    const { tokens, invoice } = await call.end();
    expect(tokens).toEqual(invoice);
  });

  it('requests no answer to a turn that waited for the response that spends the budget', async () => {
    const session = { ...SESSION, admission: { turnByTurn: true } } as unknown as typeof SESSION;
    const call = world('allowed', { session });
    await call.start();
    await call.until(call.isWatched);
    const response = { responseId: 'resp_a', reservationId: 'rsv_1' };
    call.send({ type: 'response_started', maxOutputTokens: null, ...response });
    call.send({ type: 'turn', itemId: 'item_b' });
    call.budget.isCrossed = true;
    call.send({ type: 'response_done', tokens: { ...NO_TOKENS, audioOut: 1 }, ...response });
    await call.until(() => call.outcomes.length === 1);
    expect(call.sidebandLog).toEqual(['stop']);
    expect(call.responseRequests).toEqual([]);
  });

  it('never records a successful hang-up as failed, even if its outcome could not be written', async () => {
    const call = await watched();
    call.failNextSettle();
    call.budget.isCrossed = true;
    call.respond();
    await call.until(() => call.outcomes.length === 1);
    expect(call.keyUses).toEqual(['watch ok without id', 'watch ok without id']);
  });

  it('closes its connection if the use of the key that opened it cannot be recorded', async () => {
    const call = world('allowed');
    call.failNextSettle();
    await call.start();
    await call.until(() => call.outcomes.length === 1);
    expect(call.outcomes[0]).toContain('dynamodb');
    expect(call.listeners()).toBe(0);
  });

  it('closes its second connection if the time without one cannot be written', async () => {
    const call = await watched();
    call.disconnect(0);
    call.failFor(600_000);
    await call.until(() => call.outcomes.length === 1);
    expect(call.outcomes[0]).toContain('dynamodb');
    expect(call.listeners()).toBe(0);
  });

  it('stops the responses even if the queue refuses the end', async () => {
    const call = await watched();
    call.failQueue();
    call.failHangUps();
    call.budget.isCrossed = true;
    call.respond();
    await call.until(() => call.responses() === 1);
    expect(call.sidebandLog).toEqual(['stop', 'silence']);
    expect(call.outcomes).toEqual([]);
  });

  it('cancels nothing while OpenAI hangs up, and everything once that takes longer than a second', async () => {
    const call = await watched();
    const answer = call.holdHangUps();
    call.budget.isCrossed = true;
    call.respond();
    await call.until(() => call.sidebandLog.includes('stop'));
    expect(call.sidebandLog).toEqual(['stop']);
    await call.until(() => call.sidebandLog.includes('silence'));
    expect(call.outcomes).toEqual([]);
    answer();
    await call.until(() => call.outcomes.length === 1);
    expect(call.sidebandLog).toEqual(['stop', 'silence']);
  });

  it('sees that the next response starts while the one before is not written yet', async () => {
    const call = await watched();
    call.failFor(10_000);
    call.respond();
    call.budget.isSpent = true;
    call.send({ type: 'response_started', responseId: 'resp_next', maxOutputTokens: null });
    await call.until(() => call.sidebandLog.includes('stop'));
    expect(call.responses()).toBe(0);
    await call.until(() => call.outcomes.length === 1);
    const { tokens, invoice } = await call.end();
    expect(tokens).toEqual(invoice);
  });

  it('stops the response that runs when another call spends the rest of a tight budget', async () => {
    const call = await watched();
    call.budget.isTight = true;
    call.send({ type: 'response_started', responseId: 'resp_long', maxOutputTokens: null });
    await call.until(() => call.budget.reads > 3);
    expect(call.sidebandLog).toEqual([]);
    call.budget.isSpent = true;
    await call.until(() => call.outcomes.length === 1);
    expect(call.sidebandLog).toEqual(['stop']);
  });

  it('reads no budget between two events while most of the amount is left', async () => {
    const call = await watched();
    call.send({ type: 'response_started', responseId: 'resp_long', maxOutputTokens: null });
    await call.until(() => call.budget.reads === 2);
    await call.pass(15_000);
    expect(call.budget.reads).toBe(2);
  });
});
