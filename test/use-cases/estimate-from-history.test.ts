import { afterAll, describe, expect, it } from '@jest/globals';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbMembership } from '../../lambdas/adapters/aws/dynamodb-membership.ts';
import { ENVIRONMENTS, parseEnvironment } from '../../lambdas/contract/environment.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { NO_ENTRY } from '../../lambdas/domain/ledger.ts';
import { BUILT_IN_PLANS } from '../../lambdas/domain/plan.ts';
import { estimateFromHistory } from '../../lambdas/use-cases/estimate-from-history.ts';
import type { UsageTotals } from '../../lambdas/use-cases/ports.ts';
import { addMember, newPerson } from '../support/people.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';

const CENT = 1_000_000;
const MONTH = '2026-11';

const stack = await startTestStack({ audited: false });
const environment = parseEnvironment(ENVIRONMENTS.manage, stack.variables);
const dynamoDb = dynamoDbClient(environment);
afterAll(async () => {
  dynamoDb.destroy();
  await stack.close();
});

const totals = (some: Partial<UsageTotals>): UsageTotals => ({
  ...NO_ENTRY,
  model: 'gpt-realtime-2.1',
  mode: 'byok',
  ...some,
});

/** The estimate of a workspace whose month was `used`. */
const estimate = (tenant: Tenant, sub: string, used: readonly UsageTotals[]) =>
  estimateFromHistory({
    tenancy: dynamoDbMembership(dynamoDb, environment.TENANCY_TABLE),
    usage: {
      monthOf: async (workspaceId, month) =>
        workspaceId === tenant.workspaceId && month === MONTH ? used : [],
    },
    plans: BUILT_IN_PLANS,
  })({ sub, sourceIp: '' }, tenant.workspaceId as WorkspaceId, MONTH);

describe('the calculator on a month that was', () => {
  it('adds up every model and payer, and compares the same seconds with each plan', async () => {
    const tenant = await makeTenant(stack);
    const viewer = await addMember(stack, tenant, 'viewer');
    const { totals: all, plans } = await estimate(tenant, viewer, [
      totals({ sessions: 3, seconds: 20_000, costMicroCents: 4_000 * CENT }),
      totals({ mode: 'managed', sessions: 2, seconds: 13_001, costMicroCents: 500 * CENT }),
      totals({ model: 'gpt-realtime-9', sessions: 1, seconds: 0, unpricedSessions: 1 }),
    ]);
    expect(all).toMatchObject({ sessions: 6, seconds: 33_001, unpricedSessions: 1 });
    // 33,001 s are 550.02 minutes: 551, of which 51 are beyond Starter's.
    expect(
      plans.map(({ plan: { name }, microCents, cheaper, overageMinutes }) => [
        name,
        microCents,
        cheaper,
        overageMinutes,
      ]),
    ).toEqual([
      ['free', null, null, 0],
      ['starter', (2_900 + 51 * 8) * CENT, 'managed', 51],
      ['pro', 9_900 * CENT, 'byok', 0],
      ['enterprise', null, null, 0],
    ]);
  });

  it('of nothing costs nothing, and breaks even with no plan', async () => {
    const tenant = await makeTenant(stack);
    const { month, plans } = await estimate(tenant, tenant.owner, []);
    expect(month).toEqual({ seconds: 0, openAiMicroCents: 0 });
    expect(plans.every(({ breakEvenMinutes }) => breakEvenMinutes === null)).toBe(true);
  });

  it('is for members alone: to anybody else the workspace does not exist', async () => {
    const tenant = await makeTenant(stack);
    await expect(estimate(tenant, newPerson('stranger'), [])).rejects.toMatchObject({
      refusal: 'workspace_not_found',
    });
  });
});
