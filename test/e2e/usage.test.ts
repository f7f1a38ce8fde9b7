import { afterAll, describe, expect, it } from '@jest/globals';
import { USAGE_GROUPS } from '../../lambdas/domain/usage/usage.ts';
import { detailPaths, expectRefusal } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { tablesAt } from '../support/key-tables.ts';
import { addSite, asOwner, changeWorkspace, makeKeyedTenant, needed } from '../support/keyed-tenant.ts';
import { setManagedSeconds } from '../support/managed-usage.ts';
import { putOnPlan } from '../support/plan.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { beginSession, endSession, playSession } from '../support/played-session.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, type Tenant } from '../support/tenant.ts';

const time = frozenClock();
const stack = await startTestStack({ runtime: { clock: time.clock }, audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});
await needed(stack, putPlatformKey(stack, fakeKey()));

const DAY_MS = 86_400_000;
const today = (): string => time.clock().toISOString().slice(0, 10);

const usageOf = (tenant: Tenant, query = '') =>
  asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}/usage${query}`);

/** A workspace on a large plan, with a key and a second site of another model. */
const makeShop = async (): Promise<{ readonly shop: Tenant; readonly branch: Tenant }> => {
  const shop = await makeKeyedTenant(stack);
  await putOnPlan(stack, shop, 'enterprise');
  const branch = await addSite(stack, shop);
  await asOwner(stack, shop, 'PATCH', `/v1/sites/${branch.siteId}`, { model: 'gpt-realtime-2.1' });
  return { shop, branch };
};

describe('the usage report', () => {
  it('has the same totals however it is grouped, and a site sees its own part', async () => {
    const { shop, branch } = await makeShop();
    await playSession(stack, shop, time, { seconds: 61, audioIn: 100, audioOut: 200, textIn: 30 });
    await playSession(stack, branch, time, { seconds: 30, audioIn: 50 });
    time.advance(DAY_MS);
    await changeWorkspace(stack, shop, { billing_mode: 'managed' });
    await playSession(stack, shop, time, { seconds: 59, audioOut: 40 });
    await playSession(stack, branch, time, { seconds: 3, textOut: 5 });

    const from = new Date(time.clock().getTime() - DAY_MS).toISOString().slice(0, 10);
    const subsets = Array.from({ length: 2 ** USAGE_GROUPS.length - 1 }, (_, i) =>
      USAGE_GROUPS.filter((_group, bit) => ((i + 1) >> bit) & 1),
    );
    for (const groups of subsets) {
      const { rows, totals, group_by } = await usageOf(shop, `?from=${from}&group_by=${groups.join(',')}`);
      expect(group_by).toEqual(groups);
      expect(totals).toMatchObject({
        sessions: 4,
        seconds: 153,
        minutes: 3,
        billed_seconds: 59,
        estimated: true,
      });
      expect(totals.tokens).toEqual({
        input_text: 30,
        input_text_cached: 0,
        input_audio: 150,
        input_audio_cached: 0,
        input_image: 0,
        input_image_cached: 0,
        output_text: 5,
        output_audio: 240,
      });
      for (const field of [
        'sessions',
        'seconds',
        'billed_seconds',
        'unpriced_sessions',
        'flagged_sessions',
        'incomplete_sessions',
      ])
        expect(sum(rows, field)).toBe(totals[field]);
      expect(sum(rows, 'cost_cents')).toBeCloseTo(totals.cost_cents, 9);
    }

    const { rows } = await usageOf(shop, `?from=${from}&group_by=mode,model`);
    expect(
      rows.map(({ mode, model, sessions, estimated }: never) => [mode, model, sessions, estimated]),
    ).toEqual([
      ['byok', 'gpt-realtime-2.1', 1, true],
      ['byok', 'gpt-realtime-2.1-mini', 1, true],
      ['managed', 'gpt-realtime-2.1', 1, true],
      ['managed', 'gpt-realtime-2.1-mini', 1, true],
    ]);
    const own = await asOwner(
      stack,
      shop,
      'GET',
      `/v1/sites/${branch.siteId}/usage?from=${from}&group_by=site`,
    );
    expect(own.rows).toEqual([expect.objectContaining({ site_id: branch.siteId, sessions: 2, seconds: 33 })]);
    expect(own.totals).toMatchObject({ sessions: 2, seconds: 33 });
    // The plan is the workspace's.
    expect(own.plan).toMatchObject({
      name: 'enterprise',
      used_seconds: 59,
      used_minutes: 1,
      included_minutes: null,
    });
  });

  it('is exactly zero for a workspace without sessions', async () => {
    const tenant = await makeTenant(stack);
    const { rows, totals, plan } = await usageOf(tenant);
    expect(rows).toEqual([]);
    expect(totals).toMatchObject({ sessions: 0, seconds: 0, minutes: 0, cost_cents: 0, estimated: false });
    expect(plan).toEqual({
      name: 'free',
      period: today().slice(0, 7),
      included_minutes: 100,
      hard_cap: true,
      used_seconds: 0,
      used_minutes: 0,
      overage_minutes: 0,
      overage_cents: 0,
      notices: [],
    });
  });

  it("of a past month stays readable, with the plan's usage at that time", async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    await putOnPlan(stack, tenant, 'starter');
    await playSession(stack, tenant, time, { seconds: 60 });
    const [day, month] = [today(), today().slice(0, 7)];
    time.advance(40 * DAY_MS);
    expect((await usageOf(tenant)).totals.sessions).toBe(0);
    expect((await usageOf(tenant)).plan.used_seconds).toBe(0);
    const past = await usageOf(tenant, `?from=${month}-01&to=${day}`);
    expect(past.rows).toEqual([expect.objectContaining({ day, sessions: 1, seconds: 60 })]);
    expect(past.plan).toMatchObject({ period: month, used_seconds: 60, used_minutes: 1 });
    time.advance(-40 * DAY_MS);
  });

  it('counts overage past a soft cap in started minutes', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    await putOnPlan(stack, tenant, 'starter');
    await setManagedSeconds(stack, tenant, time.clock(), 500 * 60 + 61);
    expect((await usageOf(tenant)).plan).toMatchObject({
      included_minutes: 500,
      hard_cap: false,
      used_minutes: 502,
      overage_minutes: 2,
      overage_cents: 16,
    });
  });

  it.each([
    ['?from=2026-11-10&to=2026-11-09', 'from'],
    ['?from=2025-01-01&to=2026-11-23', 'from'],
    ['?from=2026-02-30', 'from'],
    ['?to=yesterday', 'to'],
    ['?group_by=', 'group_by.0'],
    ['?group_by=day,day', 'group_by'],
    ['?group_by=day,hour', 'group_by.1'],
    ['?site_id=x', 'site_id'],
  ])('refuses %s with a sentence', async (query, path) => {
    const tenant = await makeTenant(stack);
    const answer = await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/usage${query}`, {
      as: tenant.owner,
    });
    expectRefusal(answer, 400, 'invalid_request');
    expect(detailPaths(answer)).toEqual([path]);
    expect(answer.error.details?.[0]?.message).toMatch(/\S/);
  });

  it('shows each threshold of a plan once in a period, with its time', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    await putOnPlan(stack, tenant, 'starter');
    const included = 500 * 60;
    const seen: number[][] = [];
    for (const used of [0.5, 0.5, 0.8, 1, 1]) {
      await setManagedSeconds(stack, tenant, time.clock(), included * used - 30);
      await playSession(stack, tenant, time, { seconds: 31 });
      const { plan } = await usageOf(tenant);
      seen.push(plan.notices.map(({ percent }: { percent: number }) => percent));
    }
    expect(seen).toEqual([[50], [50], [50, 80], [50, 80, 100], [50, 80, 100]]);
    const { plan } = await usageOf(tenant);
    const times = plan.notices.map(({ at }: { at: string }) => Date.parse(at));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(times).size).toBe(3);
  });

  it('reports a threshold once, even if many sessions reach it together', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    await putOnPlan(stack, tenant, 'starter');
    const running = await Promise.all(Array.from({ length: 6 }, () => beginSession(stack, tenant, time)));
    await setManagedSeconds(stack, tenant, time.clock(), 500 * 30 - 1);
    time.advance(10_000);
    await Promise.all(running.map((minted) => endSession(stack, tenant, time, minted)));
    const { plan } = await usageOf(tenant);
    expect(plan.notices.map(({ percent }: { percent: number }) => percent)).toEqual([50]);
    const told = (await tables.scan('tenancy')).filter(
      ({ pk, type }) => pk === `EVENTS#events#${tenant.workspaceId}` && type === 'plan.threshold_reached',
    );
    expect(told).toHaveLength(1);
  });
});

const sum = (rows: readonly Record<string, number>[], field: string): number =>
  rows.reduce((total, row) => total + (row[field] ?? 0), 0);
