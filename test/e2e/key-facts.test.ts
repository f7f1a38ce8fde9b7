import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { addSite, asOwner, changeWorkspace } from '../support/keyed-tenant.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { startTestStack } from '../support/stack.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
afterAll(() => stack.close());

const workspacePath = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}`;
const workspaceOf = (tenant: Tenant) => asOwner(stack, tenant, 'GET', workspacePath(tenant));
const listedWorkspace = async (tenant: Tenant) =>
  (await asOwner(stack, tenant, 'GET', '/v1/workspaces')).items[0];
const sitesOf = async (tenant: Tenant) =>
  (await asOwner(stack, tenant, 'GET', `${workspacePath(tenant)}/sites`)).items;
const linesOf = async (tenant: Tenant) =>
  (await asOwner(stack, tenant, 'GET', `${workspacePath(tenant)}/concurrency`)).keys;

describe('managed mode', () => {
  // First in this file: the stack has no platform key yet.
  it('cannot be chosen if the deployment has no platform key', async () => {
    const tenant = await makeTenant(stack);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expect(await workspaceOf(tenant)).toMatchObject({ managed_available: false });
    const body = { billing_mode: 'managed' };
    const answer = await stack.call('PATCH', workspacePath(tenant), { as: tenant.owner, body });
    expectRefusal(answer, 409, 'managed_unavailable');
    const created = await stack.call('POST', '/v1/workspaces', {
      as: tenant.owner,
      body: { name: 'Another', ...body },
    });
    expectRefusal(created, 409, 'managed_unavailable');
    expect(await workspaceOf(tenant)).toMatchObject({ billing_mode: 'byok' });
    expectSuccess(await mint(stack, tenant));
  });

  it('can be chosen and used once the platform key is stored', async () => {
    await putPlatformKey(stack, fakeKey());
    const tenant = await makeTenant(stack);
    expect(await workspaceOf(tenant)).toMatchObject({ managed_available: true });
    expect(await listedWorkspace(tenant)).toMatchObject({ managed_available: true });
    await changeWorkspace(stack, tenant, { billing_mode: 'managed' });
    expect(expectSuccess(await mint(stack, tenant))).toMatchObject({ mode: 'managed' });
  });
});

describe('a list of sites or workspaces', () => {
  it('shows which entries have their own OpenAI key and which keys are suspended', async () => {
    const tenant = await makeTenant(stack);
    const second = await addSite(stack, tenant);
    expect(await listedWorkspace(tenant)).toMatchObject({ has_key: false, key_suspended: false });
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expectSuccess(await putSiteKey(stack, second, fakeKey()));
    expect(await listedWorkspace(tenant)).toMatchObject({ has_key: true, key_suspended: false });
    expect(await workspaceOf(tenant)).toMatchObject({ has_key: true });
    const keyed = async () =>
      Object.fromEntries(
        (await sitesOf(tenant)).map((site: { site_id: string; has_key: boolean; key_suspended: boolean }) => [
          site.site_id,
          [site.has_key, site.key_suspended],
        ]),
      );
    expect(await keyed()).toEqual({ [tenant.siteId]: [false, false], [second.siteId]: [true, false] });
    await asOwner(stack, tenant, 'POST', `/v1/sites/${second.siteId}/openai-key/suspend`);
    expect(await keyed()).toMatchObject({ [second.siteId]: [true, true] });
    await asOwner(stack, tenant, 'DELETE', `/v1/sites/${second.siteId}/openai-key`);
    expect(await keyed()).toMatchObject({ [second.siteId]: [false, false] });
  });
});

describe('the concurrency of a workspace', () => {
  it('lists every stored key, with 0 of its limit when there are no sessions', async () => {
    const tenant = await makeTenant(stack, { concurrency_limit: 5 });
    const second = await addSite(stack, tenant);
    expect(await linesOf(tenant)).toEqual([]);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    const own = fakeKey();
    expectSuccess(await putSiteKey(stack, second, own));
    const idle = { limit: 5, active: 0, earliest_release_at: null, sites: [] };
    expect(await linesOf(tenant)).toEqual([
      { scope: 'workspace', scope_id: tenant.workspaceId, ...idle },
      { scope: 'site', scope_id: second.siteId, ...idle },
    ]);
    expectSuccess(await mint(stack, tenant));
    expect(await linesOf(tenant)).toMatchObject([
      { scope: 'workspace', active: 1 },
      { scope: 'site', active: 0 },
    ]);
  });

  it('shows a key that is stored in two places as one line', async () => {
    const tenant = await makeTenant(stack, { concurrency_limit: 5 });
    const key = fakeKey();
    expectSuccess(await putWorkspaceKey(stack, tenant, key));
    expectSuccess(await putSiteKey(stack, tenant, key));
    expect(await linesOf(tenant)).toHaveLength(1);
    expectSuccess(await mint(stack, tenant));
    expect(await linesOf(tenant)).toMatchObject([{ active: 1 }]);
  });
});
