import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../../support/answers.ts';
import { tablesAt } from '../../support/key-tables.ts';
import { asOwner } from '../../support/keyed-tenant.ts';
import { LOCAL_CREDENTIALS, runOperatorCommand } from '../../support/operator-command.ts';
import { startTestStack } from '../../support/stack.ts';
import { makeTenant, ORIGIN, type Tenant } from '../../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});

/** The command as an operator runs it, with the variables of a deployment. */
const setPlan = (given: readonly string[], variables: Readonly<Record<string, string>> = {}) =>
  runOperatorCommand('set-plan', given, {
    ...LOCAL_CREDENTIALS,
    AWS_REGION: 'us-east-1',
    TENANCY_TABLE: stack.variables['TENANCY_TABLE'],
    AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint,
    ...variables,
  });

const planOf = async (tenant: Tenant): Promise<string> =>
  (await asOwner(stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}`)).plan;

const planChanges = async (tenant: Tenant) => {
  await stack.streams.drain();
  const { items } = await asOwner(
    stack,
    tenant,
    'GET',
    `/v1/workspaces/${tenant.workspaceId}/audit?type=workspace.plan_changed`,
  );
  return items;
};

const addSite = (tenant: Tenant) =>
  stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/sites`, {
    as: tenant.owner,
    body: { name: 'One more', allowed_origins: [ORIGIN] },
  });

describe('npm run set-plan', () => {
  it('changes the plan of a workspace from its next request, and records the operator in the audit trail', async () => {
    const tenant = await makeTenant(stack, { billing_mode: 'managed' });
    expectRefusal(await addSite(tenant), 409, 'site_limit_reached');
    const run = await setPlan(['--workspace', tenant.workspaceId, '--plan', 'pro']);
    expect(run).toEqual({
      code: 0,
      stdout: `The workspace ${tenant.workspaceId} is on the plan pro.\n`,
      stderr: '',
    });
    expect(await planOf(tenant)).toBe('pro');
    expectSuccess(await addSite(tenant), 201);
    expect(await planChanges(tenant)).toEqual([
      expect.objectContaining({
        actor: expect.stringMatching(/^operator:/),
        facts: { plan: 'pro', plan_before: 'free' },
      }),
    ]);
  });

  it('changes nothing and writes no event if the workspace already has that plan', async () => {
    const tenant = await makeTenant(stack);
    expect(await setPlan(['--workspace', tenant.workspaceId, '--plan', 'free'])).toMatchObject({ code: 0 });
    expect(await planChanges(tenant)).toEqual([]);
  });

  it('accepts only the plans of the deployment', async () => {
    const tenant = await makeTenant(stack);
    const unknown = await setPlan(['--workspace', tenant.workspaceId, '--plan', 'gold']);
    expect(unknown).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('free, starter, pro, enterprise'),
    });
    const PLANS = JSON.stringify(
      ['free', 'gold'].map((name) => ({
        name,
        monthly_usd: 5,
        included_minutes: null,
        hard_cap: false,
        overage_usd_per_minute: null,
        max_sites: null,
      })),
    );
    const known = await setPlan(['--workspace', tenant.workspaceId, '--plan', 'gold'], { PLANS });
    expect(known).toMatchObject({ code: 0 });
    expect(await planOf(tenant)).toBe('gold');
  });

  it('changes nothing for an unknown or deleted workspace', async () => {
    const gone = await makeTenant(stack);
    await asOwner(stack, gone, 'DELETE', `/v1/workspaces/${gone.workspaceId}`, { confirm: 'Shop' });
    const before = await tables.scan('tenancy');
    for (const workspaceId of [gone.workspaceId, '0'.repeat(12)])
      expect(await setPlan(['--workspace', workspaceId, '--plan', 'pro'])).toMatchObject({
        code: 1,
        stderr: 'workspace_not_found\n',
      });
    expect(await tables.scan('tenancy')).toEqual(before);
  });

  it.each<[string, string[]]>([
    ['no workspace', ['--plan', 'pro']],
    ['no plan', ['--workspace', '0'.repeat(12)]],
    ['what is no id of a workspace', ['--workspace', '../pro', '--plan', 'pro']],
  ])('names the missing input, given %s', async (_, given) => {
    expect(await setPlan(given)).toMatchObject({
      code: 1,
      stderr: expect.stringContaining('npm run set-plan -- --workspace ID --plan NAME'),
    });
  });
});
