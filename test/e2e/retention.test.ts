import { afterAll, describe, expect, it } from '@jest/globals';
import { detailPaths, expectRefusal, expectSuccess } from '../support/answers.ts';
import { openedCall } from '../support/calls.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { asOwner, changeWorkspace, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { addMember } from '../support/people.ts';
import { playSession } from '../support/played-session.ts';
import { startTestStack } from '../support/stack.ts';
import { openTables } from '../support/tables.ts';
import { mint, type Tenant } from '../support/tenant.ts';

const DAY_SECONDS = 86_400;
const time = frozenClock();
const stack = await startTestStack({ audited: false, runtime: { clock: time.clock } });
const tables = openTables(stack);
afterAll(async () => {
  tables.close();
  await stack.close();
});

const nowSeconds = (): number => Math.floor(time.clock().getTime() / 1_000);
const pathOf = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}`;
const SHORT = { retention: { session_days: 30, error_days: 7 } };

/** The days for which the items are kept whose key has this text, from now on. */
const daysOf = async (table: 'sessions' | 'usage', text: string): Promise<readonly number[]> =>
  (await tables.scan(table))
    .filter((item) => `${item['pk']} ${item['sk']}`.includes(text) && item['expires_at'] !== undefined)
    .map((item) => (Number(item['expires_at']) - nowSeconds()) / DAY_SECONDS);

describe('the retention of a workspace', () => {
  it('is the default until an owner changes it, and an invalid value is refused with its field', async () => {
    const tenant = await makeKeyedTenant(stack);
    expect(await asOwner(stack, tenant, 'GET', pathOf(tenant))).toMatchObject({
      retention: { session_days: 400, error_days: 30 },
    });
    expect(await changeWorkspace(stack, tenant, SHORT)).toMatchObject(SHORT);
    for (const [retention, field] of [
      [{ session_days: 29, error_days: 7 }, 'retention.session_days'],
      [{ session_days: 401, error_days: 7 }, 'retention.session_days'],
      [{ session_days: 30, error_days: 6 }, 'retention.error_days'],
      [{ session_days: 30, error_days: 91 }, 'retention.error_days'],
    ] as const) {
      const answer = await stack.call('PATCH', pathOf(tenant), { as: tenant.owner, body: { retention } });
      expectRefusal(answer, 400, 'invalid_request');
      expect(detailPaths(answer)).toEqual([field]);
    }
    const admin = await addMember(stack, tenant, 'admin');
    expectRefusal(await stack.call('PATCH', pathOf(tenant), { as: admin, body: SHORT }), 403, 'forbidden');
    expect(await asOwner(stack, tenant, 'GET', pathOf(tenant))).toMatchObject(SHORT);
  });

  it('is in the audit trail with the days before and after', async () => {
    const tenant = await makeKeyedTenant(stack);
    await changeWorkspace(stack, tenant, SHORT);
    await stack.streams.drain();
    const { items } = await asOwner(stack, tenant, 'GET', `${pathOf(tenant)}/audit?type=workspace.changed`);
    expect(items[0].facts).toMatchObject({
      fields: 'retention',
      session_days_before: 400,
      session_days: 30,
      error_days_before: 30,
      error_days: 7,
    });
  });

  it('sets how long new sessions and errors of this workspace only are kept', async () => {
    const [tenant, other] = [await makeKeyedTenant(stack), await makeKeyedTenant(stack)];
    const { session_id: older } = expectSuccess(await mint(stack, tenant));
    await changeWorkspace(stack, tenant, SHORT);
    for (const [each, sessionDays, errorDays] of [
      [tenant, 30, 7],
      [other, 400, 30],
    ] as const) {
      const { session_id: token } = expectSuccess(await mint(stack, each));
      expect(await daysOf('sessions', token)).toEqual([sessionDays]);
      const { session_id: call } = await openedCall(stack, each);
      // The session and the opening of its key.
      expect(await daysOf('sessions', call)).toEqual([sessionDays, sessionDays]);
      expect(await daysOf('usage', call)).toEqual([sessionDays]);
      expectRefusal(await mint(stack, each, {}, 'https://evil.example'), 403, 'origin_not_allowed');
      await stack.call('OPTIONS', `/v1/${each.siteId}/token`, {
        origin: 'https://other.example',
        headers: { 'access-control-request-method': 'POST' },
      });
      expect(await daysOf('sessions', `ERRORS#${each.workspaceId}`)).toEqual([errorDays, errorDays]);
    }
    expect(await daysOf('sessions', older)).toEqual([400]);
  });

  it('also applies to session reports, and hides expired items that are still stored', async () => {
    const tenant = await makeKeyedTenant(stack, SHORT);
    const minted = await playSession(stack, tenant, time, { seconds: 60, audioOut: 100 });
    expectRefusal(await mint(stack, tenant, {}, 'https://evil.example'), 403, 'origin_not_allowed');
    const [days] = await daysOf('usage', minted.session_id);
    expect(Math.round((days ?? 0) * DAY_SECONDS) + 60).toBe(30 * DAY_SECONDS);
    const receipt = `/v1/sites/${tenant.siteId}/sessions/${minted.session_id}`;
    const lists = [
      `/v1/sites/${tenant.siteId}/sessions`,
      `${pathOf(tenant)}/sessions`,
      `${pathOf(tenant)}/sessions?session_id=${minted.session_id}`,
      `${pathOf(tenant)}/errors`,
    ];
    const lengths = () =>
      Promise.all(lists.map(async (path) => (await asOwner(stack, tenant, 'GET', path)).items.length));
    expect(await lengths()).toEqual([1, 1, 1, 1]);
    time.advance(7 * DAY_SECONDS * 1_000);
    expect(await lengths()).toEqual([1, 1, 1, 0]);
    time.advance(23 * DAY_SECONDS * 1_000);
    expect(await lengths()).toEqual([0, 0, 0, 0]);
    expectRefusal(await stack.call('GET', receipt, { as: tenant.owner }), 404, 'session_not_found');
    expect(await daysOf('sessions', minted.session_id)).toHaveLength(1);
    const usage = await asOwner(
      stack,
      tenant,
      'GET',
      `${pathOf(tenant)}/usage?from=2026-11-01&to=2026-12-31`,
    );
    expect(usage.totals).toMatchObject({ sessions: 1, seconds: 60 });
  });
});
