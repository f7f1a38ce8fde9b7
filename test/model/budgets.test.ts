import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { budgetItem } from '../../lambdas/adapters/aws/budgets/budget-item.ts';
import type { SiteId, WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import type { MintedToken } from '../../lambdas/use-cases/sessions/mint-token.ts';
import { expectSuccess } from '../support/answers.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { isLong } from '../support/long-forms.ts';
import { type ModelWorld, startModelWorld, usageAt } from './model-world.ts';

let world: ModelWorld;
beforeAll(async () => {
  world = await startModelWorld();
});
afterAll(() => world.close());

/** A generator of whole numbers below `limit`, the same in each run. */
const numbers = (seed: number) => {
  let state = seed;
  return (limit: number): number => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return state % limit;
  };
};

const SESSIONS = isLong('model') ? 200 : 80;
const ROUNDS = 10;
const AT_ONCE = 20;

it(`a budget holds the cost of ${SESSIONS} sessions to the micro-cent, with crashed, late and repeated reports`, async () => {
  const pick = numbers(42);
  const tenant = await makeKeyedTenant(world.stack, { openai_tier: 5 });
  const put = async (path: string, amount_usd: number) =>
    expectSuccess(
      await world.stack.call('PUT', `${path}/budget`, {
        as: tenant.owner,
        body: { period: 'month', amount_usd, action: 'notify' },
      }),
    );
  await put(`/v1/sites/${tenant.siteId}`, 5);
  await put(`/v1/workspaces/${tenant.workspaceId}`, 50);
  const minted: MintedToken[] = [];
  while (minted.length < SESSIONS)
    for (const outcome of await Promise.all(
      Array.from({ length: AT_ONCE }, (_, i) => world.mint(tenant.siteId, minted.length + i)),
    ))
      if (outcome.is === 'done') minted.push(outcome.result);
  const nextReport = () => usageAt(world.time.clock().getTime(), { audioOut: pick(400), textIn: pick(900) });
  for (let round = 0; round < ROUNDS; round++) {
    world.time.advance(30_000);
    const speaking = Array.from({ length: AT_ONCE }, () => minted[pick(minted.length)]).filter(
      (one) => one !== undefined,
    );
    await Promise.all(
      speaking.map(async (one) => {
        const reports = [nextReport(), nextReport()];
        const diesAfter = pick(3) === 0 ? { diesAfter: 1 + pick(4) } : {};
        await world.report(one, reports, diesAfter);
        // The widget sends again what it got no answer for, and sometimes what it got one for.
        if (pick(2) === 0 || 'diesAfter' in diesAfter) await world.report(one, [...reports].reverse());
      }),
    );
  }
  const { usages } = await world.booksOf(tenant.workspaceId as WorkspaceId, tenant.siteId as SiteId);
  const cost = usages.reduce((sum, { posted }) => sum + posted.costMicroCents, 0);
  expect(cost).toBeGreaterThan(0);
  const budgets = (await world.tables.usageOf(`BUDGET#${tenant.workspaceId}`)).map((item) =>
    budgetItem.parse(item),
  );
  expect(budgets).toHaveLength(2);
  for (const { spentMicroCents, remainingMicroCents, amountMicroCents } of budgets) {
    expect(spentMicroCents).toBe(cost);
    expect(remainingMicroCents).toBe(amountMicroCents - cost);
  }
});
