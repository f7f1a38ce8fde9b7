import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { frozenClock } from '../support/frozen-clock.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { openTables } from '../support/tables.ts';
import { mint, type Tenant } from '../support/tenant.ts';

/** Leases as earlier versions wrote them, with the whole session in them. They lapse within an hour of a deployment. */

const time = frozenClock();
let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ runtime: { clock: time.clock }, audited: false });
});
afterAll(() => stack?.close());

const seconds = () => Math.floor(time.clock().getTime() / 1_000);

/** Rewrites the one lease of the tenant as the earlier version had it. */
const age = async ({ workspaceId, siteId }: Tenant): Promise<void> => {
  const tables = openTables(stack);
  try {
    const leases = (await tables.scan('limits')).filter(({ pk }) => pk === `SLOTS#${workspaceId}`);
    expect(leases).toHaveLength(1);
    for (const { pk, sk, s, expires_at } of leases)
      await tables.put('limits', {
        pk,
        sk,
        sessionId: `ses_${s}`,
        siteId,
        keyScope: 'workspace',
        keyScopeId: workspaceId,
        expires_at,
      });
  } finally {
    tables.close();
  }
};

describe('A lease of an earlier version', () => {
  const reportOf = (tenant: Tenant, session: Awaited<ReturnType<typeof aged>>['session'], type: string) =>
    report(
      stack,
      tenant,
      session,
      [event(type, time.clock(), type === 'ended' ? { reason: 'hung_up' } : {})],
      {
        signedAt: time.clock(),
      },
    );

  const aged = async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const session = expectSuccess(await mint(stack, tenant));
    await age(tenant);
    return { tenant, session };
  };

  it('holds its slot to the second until it expires', async () => {
    const { tenant } = await aged();
    const busy = await mint(stack, tenant);
    expectRefusal(busy, 429, 'busy');
    const lapsesAt = seconds() + 90;
    expect(busy.error.retry_after).toBe(60);
    time.advance(89_000);
    expectRefusal(await mint(stack, tenant), 429, 'busy');
    time.advance(1_000);
    expect(seconds()).toBe(lapsesAt);
    expectSuccess(await mint(stack, tenant));
    expectRefusal(await mint(stack, tenant), 429, 'busy');
  });

  it('is renewed by the reports of its session', async () => {
    const { tenant, session } = await aged();
    for (let i = 0; i < 3; i++) {
      time.advance(60_000);
      expect(expectSuccess(await reportOf(tenant, session, 'heartbeat'))).toMatchObject({
        action: 'continue',
      });
    }
    expectRefusal(await mint(stack, tenant), 429, 'busy');
  });

  it('is released as soon as its session ends', async () => {
    const { tenant, session } = await aged();
    expectSuccess(await reportOf(tenant, session, 'ended'));
    expectSuccess(await mint(stack, tenant));
  });

  it('is never renewed for a session that has lost it', async () => {
    const { tenant, session } = await aged();
    time.advance(90_000);
    expectSuccess(await mint(stack, tenant));
    expect(expectSuccess(await reportOf(tenant, session, 'heartbeat'))).toMatchObject({
      action: 'hang_up',
      reason: 'slot_lost',
    });
  });
});
