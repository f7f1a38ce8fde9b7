import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { addSite, asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { addMember, newPerson } from '../support/people.ts';
import { playSession } from '../support/played-session.ts';
import { startTestStack } from '../support/stack.ts';

const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
afterAll(() => stack.close());

const body = { period: 'day', amount_usd: 1, action: 'notify' };

describe('the budgets of a workspace', () => {
  it('are listed together, each with its scope, its spending and a forecast', async () => {
    const tenant = await makeKeyedTenant(stack);
    const { siteId: other } = await addSite(stack, tenant);
    const list = `/v1/workspaces/${tenant.workspaceId}/budgets`;
    expect((await asOwner(stack, tenant, 'GET', list)).items).toEqual([]);
    for (const path of [
      `/v1/sites/${tenant.siteId}/budget`,
      `/v1/sites/${other}/budget`,
      `/v1/workspaces/${tenant.workspaceId}/budget`,
    ])
      expectSuccess(await stack.call('PUT', path, { as: tenant.owner, body }));
    await playSession(stack, tenant, time, { seconds: 60, audioOut: 1_000 });
    const viewer = await addMember(stack, tenant, 'viewer');
    const seen: { site_id: string | null; spent_usd: number; forecast_usd: number | null }[] = [];
    let cursor: string | null = null;
    do {
      const query = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page = expectSuccess(await stack.call('GET', `${list}?limit=1${query}`, { as: viewer }));
      seen.push(...page.items);
      cursor = page.next_cursor;
    } while (cursor !== null);
    const sites = [tenant.siteId, other].sort();
    expect(seen.map(({ site_id }) => site_id)).toEqual([...sites, null]);
    const spent = Object.fromEntries(seen.map(({ site_id, spent_usd }) => [site_id ?? 'all', spent_usd]));
    expect(spent).toEqual({ [tenant.siteId]: 0.02, [other]: 0, all: 0.02 });
    const ours = seen.find(({ site_id }) => site_id === tenant.siteId);
    const passed = (time.clock().getTime() % 86_400_000) / 86_400_000;
    expect(ours).toMatchObject({
      started_at: `${time.clock().toISOString().slice(0, 10)}T00:00:00.000Z`,
      forecast_usd: expect.closeTo(0.02 / passed, 4),
    });
  });

  it('are not shown to a person of another workspace', async () => {
    const tenant = await makeKeyedTenant(stack);
    const list = `/v1/workspaces/${tenant.workspaceId}/budgets`;
    const stranger = newPerson('stranger');
    expectRefusal(await stack.call('GET', list, { as: stranger }), 404, 'workspace_not_found');
  });
});
