import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { addMember } from '../support/people.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
}, 120_000);
afterAll(() => run?.close());

beforeEach(async () => {
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' });
  await run.page.goto(`${run.stack.url}/dashboard/`);
  await run.page.evaluate('sessionStorage.clear()');
});

const tokens = (): string => `/v1/workspaces/${tenant.workspaceId}/api-tokens`;
const button = (name: string) => run.page.getByRole('button', { name, exact: true });
const dialog = () => run.page.getByRole('dialog');
const use = (token: string) =>
  run.stack.call('GET', `/v1/sites/${tenant.siteId}`, { headers: { authorization: `Bearer ${token}` } });

describeInBrowser('an owner who manages API tokens', () => {
  it('creates a token for one site, sees it once, and revokes it', async () => {
    const { page, stack } = run;
    await signIn(run, tenant.owner);
    await openPage(run, tenant.workspaceId, 'api-tokens');
    await page.getByText('No API tokens yet').waitFor();
    await button('Create a token').click();
    await dialog().getByLabel('Name').fill('Nightly ✨');
    await dialog().getByLabel('Role').selectOption('admin');
    await dialog().getByLabel('Days until it expires').fill('7');
    await dialog().getByLabel('Shop site').check();
    await dialog().getByRole('button', { name: 'Create the token' }).click();
    await dialog().getByText('Use letters A to Z').waitFor();
    await dialog().getByLabel('Name').fill('Nightly export');
    await dialog().getByRole('button', { name: 'Create the token' }).click();
    await dialog().getByText('Copy it now. It is not shown again.').waitFor();
    const token = (await dialog().locator('pre code').textContent()) ?? '';
    expectSuccess(await use(token));
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    expect(await page.content()).not.toContain(token);
    const { items } = expectSuccess(await stack.call('GET', tokens(), { as: tenant.owner }));
    expect(items).toMatchObject([{ name: 'Nightly export', role: 'admin', site_ids: [tenant.siteId] }]);
    const row = page.getByRole('row').filter({ hasText: 'Nightly export' });
    await row.getByText('Shop site').waitFor();
    await row.getByText(/^[67] days left$/).waitFor();
    await button('Revoke Nightly export').click();
    await dialog().getByRole('button', { name: 'Revoke the token' }).click();
    await page.getByText('Nightly export is revoked.').waitFor();
    await page.getByText('No API tokens yet').waitFor();
    expectRefusal(await use(token), 401, 'api_token_invalid');
  });

  it('sees which tokens a role change limited or stopped, and which program made a change', async () => {
    const { page, stack } = run;
    const second = await addMember(stack, tenant, 'owner');
    const create = async (name: string, as: string) =>
      expectSuccess(await stack.call('POST', tokens(), { as, body: { name, role: 'admin' } }), 201).token;
    const token = await create('Reduced', second);
    expectSuccess(
      await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, {
        headers: { authorization: `Bearer ${token}` },
        body: { name: 'Renamed' },
      }),
    );
    const member = `/v1/workspaces/${tenant.workspaceId}/members/${second}`;
    expectSuccess(await stack.call('PUT', member, { as: tenant.owner, body: { role: 'viewer' } }));
    await signIn(run, tenant.owner);
    await openPage(run, tenant.workspaceId, 'api-tokens');
    await page.getByText('Only viewer: its creator’s role').waitFor();
    expectSuccess(await stack.call('DELETE', member, { as: tenant.owner }));
    await stack.streams.drain();
    await openPage(run, tenant.workspaceId, 'audit');
    await page.getByText('API token Reduced').waitFor();
    await openPage(run, tenant.workspaceId, 'api-tokens');
    await page.getByText('Stopped: its creator left').waitFor();
  });
});
