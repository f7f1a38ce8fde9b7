import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import {
  BOUND,
  LEASE_MS,
  numbers,
  setBudgets,
  speechMicroCents,
  watchedCalls,
} from './watched-calls-model.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { WATCH: 'eager' } });
});
afterAll(() => stack.close());

const until = async (isTrue: () => boolean | Promise<boolean>): Promise<void> => {
  while (!(await isTrue())) await sleep(5);
};

/** One call whose watcher has counted a response and has then died. The visitor speaks on. */
const unwatchedCall = async (amountUsd: number) => {
  const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered' });
  await setBudgets(stack, tenant, 'end_calls', amountUsd);
  const world = watchedCalls(stack, tenant, numbers(3), { turnByTurn: false });
  const call = await world.openCall();
  await call.watch();
  await until(call.isHeard);
  call.speak();
  call.finish();
  await until(call.isCounted);
  call.kill();
  await until(() => call.ended.includes('killed'));
  const spent = async (): Promise<number> => (await world.budgetItems())[0]?.spentMicroCents ?? 0;
  const before = await spent();
  for (let responses = 0; responses < 3; responses++) {
    call.speak();
    call.finish();
  }
  return { world, call, spent, before };
};

describe('the budgets of a call whose watcher died', () => {
  it('are charged once for the estimated cost of the unwatched time, when the next watcher takes the call', async () => {
    const { world, call, spent, before } = await unwatchedCall(50);
    expect(await spent()).toBe(before);
    call.advance(LEASE_MS);
    await call.watch();
    await call.watch();
    await until(call.isHeard);
    const after = await spent();
    expect(after - before).toBeGreaterThanOrEqual(speechMicroCents(LEASE_MS / 1_000));
    const usage = await call.usage();
    expect(usage?.unwatchedMicroCents).toBe(after - before);
    call.end();
    await call.settled();
    expect(await spent()).toBe(after);
    expect(await call.usage()).toMatchObject({ watch: { gapless: false, countedUntilMs: null } });
    world.close();
  });

  it('end the call if the estimate uses up the amount', async () => {
    const { world, call, spent, before } = await unwatchedCall(0.15);
    expect(before).toBeLessThan(15_000_000);
    call.advance(60 * 60_000);
    await call.watch();
    await call.settled();
    expect(await spent()).toBeGreaterThan(15_000_000);
    expect(call.isLive()).toBe(false);
    world.close();
  });

  it('are charged by the sweeper up to the end of the call, if no watcher saw the end', async () => {
    const { world, call, spent, before } = await unwatchedCall(50);
    call.advance(30_000);
    await call.closedByBroker();
    expect(await spent()).toBe(before);
    // Its watcher might only be slow.
    await world.sweep();
    await call.settled();
    expect(await spent()).toBe(before);
    call.advance(LEASE_MS);
    world.advance(60 * 60_000);
    await world.sweep();
    await call.settled();
    const after = await spent();
    expect(after - before).toBeGreaterThanOrEqual(speechMicroCents(30));
    expect(after - before).toBeLessThan(speechMicroCents(60) + BOUND);
    world.advance(60 * 60_000);
    await world.sweep();
    await call.settled();
    expect(await spent()).toBe(after);
    world.close();
  });
});
