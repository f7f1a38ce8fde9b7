import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { playSession } from '../support/played-session.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import type { Tenant } from '../support/tenant.ts';
import { type Item, type RawTables, rawTables } from './tables.ts';
import { ofType, settledTrail } from './trail.ts';

/** Attacks on budgets by a person who may write every table and has no other right. */

const time = frozenClock();
let stack: TestStack;
let tables: RawTables;

beforeAll(async () => {
  stack = await startTestStack({
    audited: false,
    runtime: { clock: time.clock },
    variables: { WATCH: 'eager' },
  });
  tables = rawTables(stack);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
});

/** gpt-realtime-2.1-mini: $20 for a million tokens spoken, so this costs two cents. */
const SPOKEN = { seconds: 60, audioOut: 1_000 };

const put = async (tenant: Tenant, path: string, body: Readonly<Record<string, unknown>> = {}) =>
  expectSuccess(
    await stack.call('PUT', `${path}/budget`, {
      as: tenant.owner,
      body: { period: 'month', amount_usd: 0.1, action: 'refuse', ...body },
    }),
  );

/** A site with a budget of which a fifth is spent. */
const spending = async (): Promise<{ readonly tenant: Tenant; readonly budget: Item }> => {
  const tenant = await makeKeyedTenant(stack);
  await put(tenant, `/v1/sites/${tenant.siteId}`);
  await playSession(stack, tenant, time, SPOKEN);
  const [budget] = await tables.partition('usage', `BUDGET#${tenant.workspaceId}`);
  expect(budget).toMatchObject({ spentMicroCents: 2_000_000, remainingMicroCents: 8_000_000 });
  if (budget === undefined) throw new Error('There is no budget.');
  return { tenant, budget };
};

const incidentsOf = async (tenant: Tenant): Promise<readonly string[]> => {
  const rows = ofType(await settledTrail(stack, tenant), 'tampering.detected');
  const announced = stack.incidents.tamperings.filter(
    ({ workspaceId }) => workspaceId === tenant.workspaceId,
  );
  const byId = new Map(announced.map(({ incidentId, kind, subject }) => [incidentId, `${kind}: ${subject}`]));
  expect(rows.map(({ event_id }) => event_id).sort()).toEqual([...byId.keys()].sort());
  return [...byId.values()].sort();
};

describe('the detector reports a table writer who', () => {
  test.each([
    ['raises the amount of a budget', { amountMicroCents: 90_000_000, remainingMicroCents: 88_000_000 }, ''],
    ['makes a budget do nothing at its end', { action: 'notify' }, ''],
    ['makes the amount of a month one of each day', { period: 'day', periodName: '2026-11-23' }, ''],
    ['gives a budget an expiry, so that DynamoDB removes it', { expires_at: 4_000_000_000 }, ''],
    ['says that more remains than was not spent', { remainingMicroCents: 10_000_000 }, 'counts of the '],
    ['begins a period too early', { periodName: '2027-01' }, 'counts of the '],
    ['marks a notice as sent', { notice100: '2026-11-23T00:00:00.000Z' }, 'notices of the '],
    ['marks the calls as ended', { callsEndedAt: '2026-11-23T00:00:00.000Z' }, 'counts of the '],
    [
      'says that less was spent than the usage shows',
      { spentMicroCents: 0, remainingMicroCents: 10_000_000 },
      'spent amount of the ',
    ],
  ])('%s', async (_, attributes, part) => {
    const { tenant, budget } = await spending();
    // What the product did is settled before: its own event would be of another change.
    expect(await incidentsOf(tenant)).toEqual([]);
    await tables.put('usage', { ...budget, ...attributes });
    expect(await incidentsOf(tenant)).toEqual([`unexplained_change: ${part}budget of site ${tenant.siteId}`]);
  });

  test('restores a budget to its state before it was spent', async () => {
    const tenant = await makeKeyedTenant(stack);
    await put(tenant, `/v1/workspaces/${tenant.workspaceId}`);
    const [unspent = {}] = await tables.partition('usage', `BUDGET#${tenant.workspaceId}`);
    await playSession(stack, tenant, time, SPOKEN);
    await tables.put('usage', unspent);
    expect(await incidentsOf(tenant)).toEqual([
      'unexplained_change: spent amount of the budget of the workspace',
    ]);
  });

  test('removes a budget or restores a removed one', async () => {
    const { tenant, budget } = await spending();
    await tables.delete('usage', budget);
    expect(await incidentsOf(tenant)).toEqual([`unexplained_change: budget of site ${tenant.siteId}`]);
    await tables.put('usage', { ...budget, amountMicroCents: 5_000_000, remainingMicroCents: 3_000_000 });
    expect(await incidentsOf(tenant)).toHaveLength(2);
  });
});

describe('changes of budgets by the product', () => {
  test('cause no incident: amounts, actions, periods, costs, notices, ended calls, a new month and removal', async () => {
    const tenant = await makeKeyedTenant(stack);
    const { siteId, workspaceId } = tenant;
    // The clock of the product stands while the detector looks: an explanation is at most two minutes old.
    const play = async (): Promise<void> => {
      expect(await incidentsOf(tenant)).toEqual([]);
      await playSession(stack, tenant, time, SPOKEN);
    };
    const paths = [`/v1/sites/${siteId}`, `/v1/workspaces/${workspaceId}`] as const;
    for (const path of paths) await put(tenant, path);
    for (let sessions = 0; sessions < 3; sessions++) await play();
    await put(tenant, paths[0], { amount_usd: 0.5, action: 'notify' });
    await put(tenant, paths[1], { period: 'day', action: 'notify' });
    await play();
    await asOwner(stack, tenant, 'PATCH', `/v1/sites/${siteId}`, { control: 'brokered' });
    // Below what is spent: calls are ended, and all thresholds are noticed.
    await put(tenant, paths[0], { amount_usd: 0.05, action: 'end_calls' });
    await asOwner(stack, tenant, 'DELETE', `${paths[1]}/budget`);
    const trail = await settledTrail(stack, tenant);
    expect(ofType(trail, 'budget.threshold_reached').length).toBeGreaterThanOrEqual(5);
    const budgets = await tables.partition('usage', `BUDGET#${workspaceId}`);
    expect(budgets).toEqual([expect.objectContaining({ callsEndedAt: expect.any(String) })]);
    expect(await incidentsOf(tenant)).toEqual([]);
  });

  test('cause no incident when the first cost of a month resets the counts', async () => {
    const { tenant } = await spending();
    expect(await incidentsOf(tenant)).toEqual([]);
    time.advance(10 * 86_400_000);
    await playSession(stack, tenant, time, SPOKEN);
    const [budget] = await tables.partition('usage', `BUDGET#${tenant.workspaceId}`);
    expect(budget).toMatchObject({ periodName: '2026-12', spentMicroCents: 2_000_000 });
    expect(await incidentsOf(tenant)).toEqual([]);
  });
});
