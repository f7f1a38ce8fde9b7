import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { isLong } from '../support/long-forms.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { BOUND, LEASE_MS, numbers, setBudgets, watchedCalls } from './watched-calls-model.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { WATCH: 'eager' } });
});
afterAll(() => stack.close());

const CALLS = isLong('model') ? 200 : 30;
/** Pays for some responses of each call. */
const AMOUNT_USD = 0.15 * CALLS;
const AMOUNT = AMOUNT_USD * 100_000_000;
/** Turns of each call after the amount is spent, if nobody has hung it up by then. */
const TURNS_AFTER = 4;

/**
 * No message of the queue of hang-ups arrives while visitors speak, and half of the hang-ups of watchers fail at OpenAI. A
 * visitor's turn lasts longer than the charge of the response before, and so does the response of a page that asks at once.
 */
type Call = Awaited<ReturnType<ReturnType<typeof watchedCalls>['openCall']>>;

/** A response lasts longer than it takes a watcher to stop it. */
const speaking = async (call: Call): Promise<void> => {
  await sleep(10);
  for (let waits = 0; waits < 4_000 && call.isToBeStopped(); waits++) await sleep(5);
};

const counting = async (call: Call): Promise<void> => {
  for (let waits = 0; waits < 400 && call.isLive() && call.isRunning(); waits++) {
    if (await call.isCounted()) return;
    await sleep(25);
  }
};

it.each([
  ['visitors who speak', false],
  ['pages that ask again at once', true],
])(
  `end_calls overruns by at most one response for each of ${CALLS} live calls of %s, with crashed, late, repeated and duplicate watchers`,
  async (_, asksAtOnce) => {
    const pick = numbers(11);
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered' });
    await setBudgets(stack, tenant, 'end_calls', AMOUNT_USD);
    const world = watchedCalls(stack, tenant, pick, { turnByTurn: false, slowHangUps: true, asksAtOnce });
    const calls: Call[] = [];
    const lost = new Set<Call>();
    const play = async (): Promise<void> => {
      const call = await world.openCall();
      // One watcher is killed in any case, whatever the order of the calls does to the numbers.
      let isFirstTurn = calls.length === 0;
      calls.push(call);
      await call.watch();
      if (pick(3) === 0) await call.watch();
      const heard = async (): Promise<void> => {
        for (let waits = 0; waits < 2_000 && call.isLive() && call.isRunning() && !call.isHeard(); waits++)
          await sleep(10);
      };
      await heard();
      for (let after = 0; call.isLive() && after < TURNS_AFTER; after += world.isSpent() ? 1 : 0) {
        // A page can start a response as well, also after OpenAI was told to answer no turn.
        if (pick(3) === 0) call.ask();
        else call.speak();
        const mishap = isFirstTurn ? 0 : pick(30);
        isFirstTurn = false;
        if (mishap === 0) call.kill();
        if (mishap === 1) call.disconnect();
        if (mishap < 2) lost.add(call);
        await speaking(call);
        if (asksAtOnce) await counting(call);
        call.finish();
        if (mishap === 0) {
          // The visitor speaks on while nobody watches, and then the sweeper starts a watcher.
          call.speak();
          call.finish();
          call.advance(LEASE_MS);
          await call.countFromHere();
          await call.watch();
          if (pick(2) === 0) await call.watch();
          await heard();
        }
        if (!asksAtOnce) await counting(call);
      }
    };
    await Promise.all(Array.from({ length: CALLS }, play));
    expect(world.isSpent()).toBe(true);
    expect(calls.filter((call) => call.wholeAfterSpent() > 1)).toEqual([]);
    // Both ways of ending were played, and a lost hang-up is made up for by the queue.
    expect(calls.some((call) => call.isLive())).toBe(true);
    expect(calls.some((call) => !call.isLive())).toBe(true);
    world.deliverHangUps();
    expect(calls.filter((call) => call.isLive())).toEqual([]);
    for (const call of calls) await call.settled();
    const stoppedMicroCents = (): number => calls.reduce((sum, call) => sum + call.stoppedInvoice(), 0);
    const [first, second] = await world.budgetItems();
    expect(first?.spentMicroCents).toBe(second?.spentMicroCents);
    expect(first?.spentMicroCents).toBeGreaterThanOrEqual(AMOUNT);
    // A response that is stopped as it starts costs little, and a page can start several. One that asks at once also has a
    // response under way while the one before is being charged.
    const responses = asksAtOnce ? 2 : 1;
    expect(first?.spentMicroCents).toBeLessThanOrEqual(
      AMOUNT + responses * CALLS * BOUND + stoppedMicroCents(),
    );
    // Where no watcher died or was cut off, only a response that the end cut off is on the invoice and not in the count.
    for (const call of calls.filter((one) => !lost.has(one)))
      expect(((await call.usage())?.responses ?? 0) + 1).toBeGreaterThanOrEqual(call.responses());
    const outcomes = new Set(calls.flatMap(({ ended }) => ended));
    for (const outcome of ['ended', 'killed', 'not_taken']) expect(outcomes).toContain(outcome);
    expect(['ended', 'killed', 'not_taken', 'lost', 'left', 'handed_over']).toEqual(
      expect.arrayContaining([...outcomes]),
    );
    world.close();
  },
  isLong('model') ? 900_000 : 300_000,
);
