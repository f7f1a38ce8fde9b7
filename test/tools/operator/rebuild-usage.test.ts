import { DeleteCommand, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { afterAll, describe, expect, it } from '@jest/globals';
import { dynamoDbClient } from '../../../lambdas/adapters/aws/clients.ts';
import { dynamoDbUsageLedgerAudit } from '../../../lambdas/adapters/aws/usage/dynamodb-usage-ledger-audit.ts';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import type { UsageLedgerAudit } from '../../../lambdas/use-cases/ports/usage.ts';
import { type Drift, rebuildUsage } from '../../../lambdas/use-cases/usage/rebuild-usage.ts';
import { operatorAuditEvents } from '../../../tools/operator/operator.ts';
import { expectSuccess } from '../../support/answers.ts';
import { frozenClock } from '../../support/frozen-clock.ts';
import { type Item, tablesAt } from '../../support/key-tables.ts';
import { addSite, asOwner, needed } from '../../support/keyed-tenant.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import { putOnPlan } from '../../support/plan.ts';
import { putPlatformKey } from '../../support/platform-key.ts';
import { beginSession, endSession, playSession } from '../../support/played-session.ts';
import { event, report, usageEvent } from '../../support/reports.ts';
import { startTestStack } from '../../support/stack.ts';
import { fakeKey, makeTenant, type Tenant } from '../../support/tenant.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;

// The command has its own clock: sessions lie an hour back, so that it sees them on every date.
const time = frozenClock(new Date(Date.now() - HOUR_MS).toISOString());
const stack = await startTestStack({ runtime: { clock: time.clock }, audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
const dynamoDb = dynamoDbClient({
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint,
});
afterAll(async () => {
  dynamoDb.destroy();
  tables.close();
  await stack.close();
});
await needed(stack, putPlatformKey(stack, fakeKey()));

const ledger = dynamoDbUsageLedgerAudit(dynamoDb, { usage: 'usage', tenancy: 'tenancy' });

const rebuild = async (
  tenant: Tenant,
  {
    repair = false,
    over = ledger,
    now = new Date(time.clock().getTime() + HOUR_MS),
  }: { readonly repair?: boolean; readonly over?: UsageLedgerAudit; readonly now?: Date } = {},
) => {
  const drifts: Drift[] = [];
  const unstable: string[] = [];
  const counts = await rebuildUsage({ clock: () => now, ledger: over, auditEvents: operatorAuditEvents })(
    { sub: 'operator:test', sourceIp: '' },
    {
      only: tenant.workspaceId as WorkspaceId,
      repair,
      onDrift: (drift) => drifts.push(drift),
      onUnstable: (_, place) => unstable.push(place),
    },
  );
  return { counts, drifts, unstable };
};

/** A managed workspace of two sites on a soft plan, with sessions of both. */
const makeBusyTenant = async (
  plan = 'starter',
): Promise<{ readonly tenant: Tenant; readonly other: Tenant }> => {
  const tenant = await makeTenant(stack, { billing_mode: 'managed' });
  await putOnPlan(stack, tenant, plan);
  const other = await addSite(stack, tenant);
  await playSession(stack, tenant, time, { seconds: 30, audioOut: 40 });
  await playSession(stack, other, time, { seconds: 20, audioIn: 10 });
  return { tenant, other };
};

const totalsOf = async ({ workspaceId }: Tenant): Promise<readonly Item[]> =>
  (await tables.scan('usage')).filter(({ pk }) => pk === `USAGE#${workspaceId}`);
const totalOf = async (tenant: Tenant, prefix: string): Promise<Item> => {
  const found = (await totalsOf(tenant)).find(({ sk }) => String(sk).startsWith(prefix));
  if (found === undefined) throw new Error(`There is no total ${prefix}.`);
  return found;
};
/** Past every report: as a bug or a person with the console would. */
const plant = ({ pk, sk }: Item, name: string, count: number) =>
  dynamoDb.send(
    new UpdateCommand({
      TableName: 'usage',
      Key: { pk, sk },
      UpdateExpression: 'SET #name = :count',
      ExpressionAttributeNames: { '#name': name },
      ExpressionAttributeValues: { ':count': count },
    }),
  );

describe('the usage totals', () => {
  it('equal the sum of the session usage after many simultaneous sessions, without a false difference meanwhile', async () => {
    const { tenant, other } = await makeBusyTenant('enterprise');
    let running = true;
    let looks = 0;
    let sessions = 2;
    const traffic = async (): Promise<void> => {
      const session = async (of: Tenant, i: number): Promise<void> => {
        const minted = await beginSession(stack, of, time);
        const at = new Date(time.clock().getTime() + 1_000 * (i % 3));
        const options = { signedAt: time.clock() };
        const tokens = usageEvent(at, { audioOut: i });
        await Promise.all([
          report(stack, of, minted, [event('heartbeat', at)], options),
          report(stack, of, minted, [tokens], options),
          report(stack, of, minted, [tokens, event('heartbeat', at)], options),
        ]);
        if (i % 2 === 0) await endSession(stack, of, time, minted, { textIn: i });
      };
      while (looks < 2) {
        await Promise.all(Array.from({ length: 6 }, (_, i) => session(i % 2 === 0 ? tenant : other, i)));
        sessions += 6;
        time.advance(7_000);
      }
      running = false;
    };
    const busy = traffic();
    while (running) {
      const { drifts } = await rebuild(tenant, { repair: looks % 2 === 1 });
      expect(drifts).toEqual([]);
      looks++;
    }
    await busy;
    time.advance(200_000);
    await stack.sweep();
    const { counts } = await rebuild(tenant);
    expect(counts).toMatchObject({ drifted: 0, unstable: 0 });
    expect(counts.totals).toBeGreaterThan(4);
    // Once every meter is final it is read by another way, to the same end.
    const later = new Date(time.clock().getTime() + DAY_MS);
    // On the last day of a month, `later` is in the next one, which is another period.
    const nextMonth =
      later.getUTCMonth() === new Date(time.clock().getTime() + HOUR_MS).getUTCMonth() ? 0 : 1;
    expect((await rebuild(tenant, { now: later })).counts).toEqual({
      ...counts,
      totals: counts.totals + nextMonth,
    });
    const usage = await asOwner(
      stack,
      tenant,
      'GET',
      `/v1/workspaces/${tenant.workspaceId}/usage?group_by=site`,
    );
    expect(usage.totals.sessions).toBe(sessions);
  });

  it.each([
    ['while sessions are recent', HOUR_MS],
    ['when their meters are final', DAY_MS],
  ])(
    'with a difference are reported and left unchanged, and corrected with --repair, %s',
    async (_when, laterMs) => {
      const { tenant } = await makeBusyTenant();
      const now = new Date(time.clock().getTime() + laterMs);
      const right = await totalsOf(tenant);
      const day = await totalOf(tenant, 'DAY#');
      const period = await totalOf(tenant, 'PERIOD#');
      await plant(day, 'seconds', 7);
      await plant(day, 'invented', 1);
      await plant(period, 'usedSeconds', 3);
      const orphan = { pk: day['pk'], sk: `${String(day['sk']).slice(0, 15)}nosite#model#byok#0` };
      await plant(orphan, 'sessions', 2);
      const planted = await totalsOf(tenant);

      const look = await rebuild(tenant, { now });
      expect(look.counts).toMatchObject({ drifted: 3, repaired: 0, unstable: 0 });
      expect(look.drifts).toEqual(
        expect.arrayContaining([
          {
            workspaceId: tenant.workspaceId,
            place: day['sk'],
            counts: [
              { name: 'invented', expected: 0, found: 1 },
              { name: 'seconds', expected: day['seconds'], found: 7 },
            ],
            repaired: false,
          },
          {
            workspaceId: tenant.workspaceId,
            place: period['sk'],
            counts: [{ name: 'usedSeconds', expected: 50, found: 3 }],
            repaired: false,
          },
          {
            workspaceId: tenant.workspaceId,
            place: orphan.sk,
            counts: [{ name: 'sessions', expected: 0, found: 2 }],
            repaired: false,
          },
        ]),
      );
      expect(await totalsOf(tenant)).toEqual(planted);

      expect((await rebuild(tenant, { now, repair: true })).counts).toMatchObject({
        drifted: 3,
        repaired: 3,
      });
      expect((await rebuild(tenant, { now })).counts).toMatchObject({ drifted: 0, unstable: 0 });
      for (const { sk, writes: _, ...counts } of right)
        expect(await totalOf(tenant, String(sk))).toMatchObject(counts);

      const events = (await tables.scan('tenancy')).filter(
        ({ pk, type }) => pk === `EVENTS#rebuild-usage#${tenant.workspaceId}` && type === 'usage.corrected',
      );
      expect(events).toHaveLength(3);
      expect(events).toEqual(
        expect.arrayContaining([
          expect.objectContaining({
            actor: 'operator:test',
            facts: { place: period['sk'], usedSeconds_found: 3, usedSeconds_set: 50 },
          }),
        ]),
      );
    },
  );

  it('are restored after a complete loss', async () => {
    const { tenant } = await makeBusyTenant();
    const right = await totalsOf(tenant);
    for (const { pk, sk } of right)
      await dynamoDb.send(new DeleteCommand({ TableName: 'usage', Key: { pk, sk } }));
    expect((await rebuild(tenant, { repair: true })).counts).toMatchObject({
      drifted: right.length,
      repaired: right.length,
    });
    const counts = (items: readonly Item[]) =>
      items.map((item) =>
        Object.fromEntries(Object.entries(item).filter(([name, value]) => name !== 'writes' && value !== 0)),
      );
    expect(counts(await totalsOf(tenant))).toEqual(counts(right));
  });
});

describe('an event during a correction of usage totals', () => {
  it('is not lost: the correction fails, and the next comparison includes the event', async () => {
    const { tenant } = await makeBusyTenant();
    const period = await totalOf(tenant, 'PERIOD#');
    const minted = await beginSession(stack, tenant, time);
    time.advance(10_000);
    await plant(period, 'usedSeconds', 3);
    let interposed = 0;
    const over: UsageLedgerAudit = {
      ...ledger,
      correctTotal: async (...given) => {
        if (interposed++ === 0) await endSession(stack, tenant, time, minted, { audioOut: 1 });
        return ledger.correctTotal(...given);
      },
    };
    const { counts, drifts } = await rebuild(tenant, { repair: true, over });
    expect(interposed).toBe(2);
    expect(counts).toMatchObject({ drifted: 1, repaired: 1, unstable: 0 });
    expect(drifts[0]?.counts).toEqual([{ name: 'usedSeconds', expected: 60, found: 13 }]);
    expect((await totalOf(tenant, 'PERIOD#'))['usedSeconds']).toBe(60);
    expect((await rebuild(tenant)).counts.drifted).toBe(0);
  });

  it('between two reads makes the total unstable, and never different', async () => {
    const { tenant } = await makeBusyTenant();
    const minted = await beginSession(stack, tenant, time);
    let beats = 0;
    const over: UsageLedgerAudit = {
      ...ledger,
      listSessionUsage: async (...given) => {
        time.advance(1_000);
        beats++;
        const now = time.clock();
        expectSuccess(await report(stack, tenant, minted, [event('heartbeat', now)], { signedAt: now }));
        return ledger.listSessionUsage(...given);
      },
    };
    const { drifts, unstable, counts } = await rebuild(tenant, { repair: true, over });
    expect(beats).toBeGreaterThan(1);
    expect(drifts).toEqual([]);
    expect(unstable.length).toBe(counts.unstable);
    expect(unstable).toContain((await totalOf(tenant, 'PERIOD#'))['sk']);
    expect((await rebuild(tenant)).counts).toMatchObject({ drifted: 0, unstable: 0 });
  });

  it('next to a second correction lets each difference be corrected once', async () => {
    const { tenant } = await makeBusyTenant();
    const period = await totalOf(tenant, 'PERIOD#');
    await plant(period, 'usedSeconds', 3);
    const runs = await Promise.all([
      rebuild(tenant, { repair: true }),
      rebuild(tenant, { repair: true }),
      rebuild(tenant, { repair: true }),
    ]);
    expect(runs.map(({ counts }) => counts.repaired).reduce((a, b) => a + b)).toBe(1);
    expect((await totalOf(tenant, 'PERIOD#'))['usedSeconds']).toBe(50);
  });
});

describe('days without stored session usage', () => {
  it('are not compared, so that their totals stay', async () => {
    const { tenant, other } = await makeBusyTenant();
    for (const { siteId } of [tenant, other])
      for (const { pk, sk } of (await tables.scan('usage')).filter(
        (item) => item['pk'] === `METERS#${siteId}`,
      ))
        await dynamoDb.send(new DeleteCommand({ TableName: 'usage', Key: { pk, sk } }));
    const right = await totalsOf(tenant);
    const now = new Date(time.clock().getTime() + 400 * DAY_MS);
    expect((await rebuild(tenant, { repair: true, now })).counts.drifted).toBe(0);
    expect(await totalsOf(tenant)).toEqual(right);
    // Sooner, they would have been found to be the sum of nothing.
    expect((await rebuild(tenant, { repair: true })).counts.repaired).toBe(right.length);
  });
});

describe('npm run rebuild-usage', () => {
  const command = (...given: string[]) =>
    runOperatorCommand('rebuild-usage', given, { ...stack.variables, ...LOCAL_CREDENTIALS });

  it('reports a difference with exit status 1, corrects it with --repair, and then exits with 0', async () => {
    const { tenant } = await makeBusyTenant();
    const period = await totalOf(tenant, 'PERIOD#');
    await plant(period, 'usedSeconds', 3);
    const only = ['--workspace', tenant.workspaceId];
    const look = await command(...only);
    expect([look.code, look.stderr]).toEqual([1, '']);
    expect(look.stdout).toContain(
      `${tenant.workspaceId} ${period['sk']}: usedSeconds expected 50, found 3\n`,
    );
    const repaired = await command(...only, '--repair');
    expect([repaired.code, repaired.stdout]).toEqual([1, expect.stringContaining('1 drifted, 1 repaired')]);
    expect(await command(...only)).toMatchObject({ code: 0 });
    const everyone = await command();
    expect([everyone.code, everyone.stdout]).toEqual([0, expect.stringContaining(' 0 drifted')]);
    expect((await command('--workspace', 'nobody')).code).toBe(2);
  });
});
