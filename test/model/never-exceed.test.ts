import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { isLong } from '../support/long-forms.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { BOUND, LEASE_MS, numbers, setBudgets, soon, watchedCalls } from './watched-calls-model.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { WATCH: 'eager' } });
});
afterAll(() => stack.close());

const CALLS = isLong('model') ? 200 : 40;
const AT_ONCE = 10;
const TURNS = 3;

/** A budget of some responses: it runs out long before the calls do. */
const AMOUNT_USD = isLong('model') ? 8 : 1.5;
const AMOUNT = AMOUNT_USD * 100_000_000;

it(`never_exceed holds for ${CALLS} calls with crashed, late, repeated and duplicate watchers, to the micro-cent`, async () => {
  const pick = numbers(7);
  const tenant = await makeKeyedTenant(stack, {}, { control: 'locked' });
  await setBudgets(stack, tenant, 'never_exceed', AMOUNT_USD);
  const world = watchedCalls(stack, tenant, pick, { turnByTurn: true });
  const calls: Awaited<ReturnType<typeof world.openCall>>[] = [];
  const check = async (): Promise<void> => {
    for (const budget of await world.budgetItems()) {
      const { spentMicroCents, reservedMicroCents, remainingMicroCents } = budget;
      expect(spentMicroCents + reservedMicroCents).toBeLessThanOrEqual(AMOUNT);
      expect(remainingMicroCents).toBe(AMOUNT - spentMicroCents - reservedMicroCents);
    }
  };
  const play = async (): Promise<void> => {
    const call = await world.openCall();
    calls.push(call);
    // A third of the watchers dies before or after one of their writes; a third is started twice.
    await call.watch(undefined, pick(3) === 0 ? 1 + pick(12) / 2 : undefined);
    if (pick(3) === 0) await call.watch();
    await soon(call.isHeard);
    for (let turn = 0; turn < TURNS && call.isLive(); turn++) {
      call.speak();
      await soon(call.isAnswering);
      const mishap = pick(8);
      if (mishap === 0) call.kill();
      if (mishap === 1) call.disconnect();
      if (mishap === 2) call.end();
      // The visitor interrupts, or waits for the end of the answer.
      if (mishap === 3) call.speak();
      call.finish();
      if (mishap === 0) {
        world.advance(LEASE_MS);
        await call.watch();
        if (pick(2) === 0) await call.watch();
        await soon(call.isHeard);
      }
      await sleep(10);
    }
    call.end();
    await call.settled();
    // Late: the lease of a watcher that died has lapsed, and the sweeper starts another one.
    world.advance(LEASE_MS);
    await call.watch();
    await call.settled();
  };
  for (let played = 0; played < CALLS; played += AT_ONCE) {
    const round = Promise.all(Array.from({ length: AT_ONCE }, play));
    let isOver = false;
    void round.finally(() => {
      isOver = true;
    });
    while (!isOver) {
      await check();
      await sleep(20);
    }
    await round;
  }
  await check();
  const invoice = calls.reduce((sum, call) => sum + call.invoice(), 0);
  expect(invoice).toBeLessThanOrEqual(AMOUNT);
  expect(invoice).toBeGreaterThan(AMOUNT / 4);
  const [first] = await world.budgetItems();
  // All of the invoice is counted, what nobody saw at its highest cost.
  expect((first?.spentMicroCents ?? 0) + (first?.reservedMicroCents ?? 0)).toBeGreaterThanOrEqual(invoice);
  expect(first?.remainingMicroCents).toBeLessThan(BOUND + AMOUNT / 20);
  const outcomes = new Set(calls.flatMap(({ ended }) => ended));
  for (const outcome of ['ended', 'killed', 'not_taken']) expect(outcomes).toContain(outcome);
  // None of them ended with an error.
  expect(['ended', 'killed', 'not_taken', 'lost', 'left', 'handed_over']).toEqual(
    expect.arrayContaining([...outcomes]),
  );
  world.close();
}, 300_000);

it('never_exceed counts the reservation of a crashed watcher as spent once the broker has closed the call', async () => {
  const tenant = await makeKeyedTenant(stack, {}, { control: 'locked' });
  await setBudgets(stack, tenant, 'never_exceed', AMOUNT_USD);
  const world = watchedCalls(stack, tenant, numbers(3), { turnByTurn: true });
  const call = await world.openCall();
  await call.watch();
  await soon(call.isHeard);
  call.speak();
  await soon(call.isAnswering);
  call.kill();
  await call.settled();
  await call.closedByBroker();
  const counts = async () =>
    (await world.budgetItems()).map(({ spentMicroCents, reservedMicroCents }) => [
      spentMicroCents,
      reservedMicroCents,
    ]);
  const open = [0, BOUND];
  expect(await counts()).toEqual([open, open]);
  await world.sweep();
  expect(await counts()).toEqual([open, open]);
  world.advance(2 * LEASE_MS);
  await world.sweep();
  await call.settled();
  const spent = [BOUND, 0];
  expect(await counts()).toEqual([spent, spent]);
  world.close();
}, 60_000);
