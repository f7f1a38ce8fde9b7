import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { asOwner } from '../support/keyed-tenant.ts';
import { addMember } from '../support/people.ts';
import { fakeKey, makeTenant, mint, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;
let second: string;

const workspace = (): string => `/v1/workspaces/${tenant.workspaceId}`;
const nameAs = async (sub: string, name: string): Promise<void> => {
  expectSuccess(await run.stack.call('PUT', `${workspace()}/me`, { as: sub, body: { name } }));
};

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  const { stack } = run;
  tenant = await makeTenant(stack, { name: 'Harbour Books' });
  expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
  await nameAs(tenant.owner, 'Ada Lovelace');
  second = await addMember(stack, tenant, 'admin');
  await nameAs(second, 'Grace Hopper');
  const created = await asOwner(stack, tenant, 'POST', `${workspace()}/api-tokens`, {
    name: 'nightly report',
    role: 'admin',
  });
  for (const [change, caller] of [
    [{ instructions: 'By a program.' }, { headers: { authorization: `Bearer ${created.token}` } }],
    [{ instructions: 'By a person.' }, { as: second }],
  ] as const)
    expectSuccess(await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { ...caller, body: change }));
  await mint(stack, tenant);
  await stack.streams.drain();
  await signIn(run, tenant.owner);
}, 120_000);
afterAll(() => run?.close());

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const trail = () => run.page.getByRole('table', { name: 'Audit trail' });

describeInBrowser('people and programs in the dashboard', () => {
  it('have names in the audit trail, with their ID in the details to copy', async () => {
    await open('audit');
    await trail().getByText('Grace Hopper').first().waitFor();
    const who = await trail().locator('td[data-head="Who"]').allTextContents();
    expect([...new Set(who)].sort()).toEqual([
      'A visitor',
      'API token nightly report',
      'Ada Lovelace (you)',
      'Grace Hopper',
      'Spelo (dynamodb)',
    ]);
    await trail().getByRole('row').filter({ hasText: 'Grace Hopper' }).getByRole('button').first().click();
    const dialog = run.page.getByRole('dialog');
    expect(await dialog.textContent()).toContain(second);
    await dialog.getByRole('button', { name: 'Copy the ID of the actor' }).waitFor();
    await dialog.getByRole('button', { name: 'Close' }).click();
  });

  it('are found by a unique name or by ID, but not by a name that two of them have', async () => {
    await open('audit');
    const field = run.page.getByLabel('Who');
    for (const text of ['grace hopper', second]) {
      await field.fill(text);
      await trail().getByText('Ada Lovelace').first().waitFor({ state: 'detached' });
      await trail().getByText('Grace Hopper').first().waitFor();
      const who = await trail().locator('td[data-head="Who"]').allTextContents();
      expect([...new Set(who)]).toEqual(['Grace Hopper']);
      await field.fill('');
      await trail().getByText('Ada Lovelace').first().waitFor();
    }
    // The address is read before the members are: a name must not be taken for an ID that matches nothing.
    await open('audit?actor=Grace+Hopper');
    await trail().getByText('Grace Hopper').first().waitFor();
    const third = await addMember(run.stack, tenant, 'viewer');
    await nameAs(third, 'Grace Hopper');
    await open('audit?actor=Grace+Hopper');
    await run.page.getByText('More than one member has this name.').waitFor();
  });

  it('are named at a key, a site, its former instructions and a token; a stranger is shown by ID', async () => {
    await open('billing');
    await run.page.getByText('by Ada Lovelace (you)').waitFor();
    await open(`sites/${tenant.siteId}`);
    await run.page.getByText(/^Created .* by Ada Lovelace \(you\)$/).waitFor();
    await run.page.getByRole('button', { name: 'Former instructions' }).click();
    const dialog = run.page.getByRole('dialog');
    await dialog.getByText(/replaced by API token nightly report$/).waitFor();
    await dialog.getByText(/replaced by Grace Hopper$/).waitFor();
    await open('api-tokens');
    await run.page.getByText('by Ada Lovelace (you)').waitFor();
    expectSuccess(await run.stack.call('DELETE', `${workspace()}/members/${second}`, { as: tenant.owner }));
    await open(`sites/${tenant.siteId}`);
    await run.page.getByRole('button', { name: 'Former instructions' }).click();
    await dialog.getByText(new RegExp(`replaced by ${second}$`)).waitFor();
  });

  it('who are not owners see their own name and the IDs of others', async () => {
    const { page, stack } = run;
    const admin = await addMember(stack, tenant, 'admin');
    await nameAs(admin, 'Mary Jackson');
    expectSuccess(
      await stack.call('PUT', `/v1/sites/${tenant.siteId}/openai-key`, {
        as: admin,
        body: { api_key: fakeKey() },
      }),
    );
    await page.evaluate('sessionStorage.clear()');
    await signIn(run, admin);
    await open(`sites/${tenant.siteId}?tab=key`);
    await page.getByText('by Mary Jackson (you)').waitFor();
    await open(`sites/${tenant.siteId}`);
    await page.getByText(new RegExp(`^Created .* by ${tenant.owner}$`)).waitFor();
    await open('members');
    await page.waitForFunction(
      `document.querySelector('input[autocomplete="name"]')?.value === 'Mary Jackson'`,
    );
    await page.getByLabel('Your name in this workspace').fill('Mary W. Jackson');
    await page.getByRole('button', { name: 'Save your name' }).click();
    await page.getByText('Your name here is Mary W. Jackson now.').waitFor();
    const me = expectSuccess(await stack.call('GET', `${workspace()}/me`, { as: admin }));
    expect(me).toMatchObject({ sub: admin, role: 'admin', name: 'Mary W. Jackson' });
    await page.evaluate('sessionStorage.clear()');
    await signIn(run, tenant.owner);
  });

  it('see their own stored name in the form', async () => {
    await open('members');
    const field = run.page.getByLabel('Your name in this workspace');
    await run.page.waitForFunction(
      `document.querySelector('input[autocomplete="name"]')?.value === 'Ada Lovelace'`,
    );
    await field.fill('Ada King');
    await run.page.getByRole('button', { name: 'Save your name' }).click();
    await run.page.getByText('Your name here is Ada King now.').waitFor();
    await run.page.getByRole('table', { name: 'Members' }).getByText('Ada King').first().waitFor();
  });
});
