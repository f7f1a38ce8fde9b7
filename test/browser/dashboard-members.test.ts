import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { mailsTo } from '../support/mail.ts';
import { addMember, newPerson } from '../support/people.ts';
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
  await enter(tenant.owner);
});

const enter = async (sub: string): Promise<void> => {
  await run.page.goto(`${run.stack.url}/dashboard/`);
  await run.page.evaluate('sessionStorage.clear()');
  await signIn(run, sub);
};
const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string | RegExp) =>
  run.page.getByRole('button', { name, exact: typeof name === 'string' });
const dialog = () => run.page.getByRole('dialog');
const members = () => run.page.getByRole('table', { name: 'Members' });

describeInBrowser('an invitation in the dashboard', () => {
  it('leads a person to sign in, read who invites them, accept, and be listed by name and address', async () => {
    const { page, stack } = run;
    const email = `ada-${tenant.workspaceId}@customer.example`;
    const me = `/v1/workspaces/${tenant.workspaceId}/me`;
    expectSuccess(await stack.call('PUT', me, { as: tenant.owner, body: { name: 'Grace Hopper' } }));
    await open('members');
    await page.getByLabel('Email address').fill(email);
    await page.getByLabel('Role', { exact: true }).selectOption('admin');
    await button('Invite').click();
    await page.getByText(`The invitation was sent to ${email}.`).waitFor();
    await button(`Withdraw the invitation of ${email}`).waitFor();
    await stack.notices.drain();
    const code = /^inv_\S+$/m.exec(mailsTo(stack, email)[0]?.text ?? '')?.[0] ?? '';
    // The link of the mail, opened by a person who is signed out.
    const guest = newPerson('ada');
    await page.evaluate('sessionStorage.clear()');
    await page.goto(`${stack.url}/dashboard/`);
    await page.goto(`${stack.url}/dashboard/invitation#${code}`);
    await page.getByRole('button', { name: 'Sign in' }).click();
    await page.getByLabel('Sign in as').fill(guest);
    await page.getByRole('button', { name: 'Continue' }).click();
    await button('Show the invitation').click();
    await page.getByText('Grace Hopper').waitFor();
    const offer = (await page.locator('main').textContent()) ?? '';
    expect(offer).toContain(`Harbour Books (${tenant.workspaceId})`);
    const workspace = `/v1/workspaces/${tenant.workspaceId}`;
    expectRefusal(await stack.call('GET', workspace, { as: guest }), 404, 'workspace_not_found');
    await page.getByLabel('Your name in this workspace').fill('Ada Lovelace');
    await button('Accept the invitation').click();
    await page.waitForURL(new RegExp(`/w/${tenant.workspaceId}`));
    expectSuccess(await stack.call('GET', workspace, { as: guest }));
    expect(run.requests.filter(({ url }) => url.includes(code.split('.')[1] ?? code))).toEqual([]);
    await enter(tenant.owner);
    await open('members');
    const row = members().locator('tbody tr').filter({ hasText: 'Ada Lovelace' });
    const text = (await row.textContent()) ?? '';
    expect(text).toContain(email);
    expect(text).toContain('by Grace Hopper');
  });

  it('can be withdrawn, and its code no longer works', async () => {
    const { page, stack } = run;
    const email = `bob-${tenant.workspaceId}@customer.example`;
    const invitations = `/v1/workspaces/${tenant.workspaceId}/invitations`;
    const body = { email, role: 'viewer' };
    expectSuccess(await stack.call('POST', invitations, { as: tenant.owner, body }), 201);
    await stack.notices.drain();
    const code = /^inv_\S+$/m.exec(mailsTo(stack, email)[0]?.text ?? '')?.[0] ?? '';
    await open('members');
    await button(`Withdraw the invitation of ${email}`).click();
    await page.getByText(`The invitation for ${email} is withdrawn.`).waitFor();
    await page.goto(`${stack.url}/dashboard/invitation`);
    await page.getByLabel('Code').fill(code);
    await button('Show the invitation').click();
    await page.getByText('This invitation does not exist, has expired, or was withdrawn.').waitFor();
  });
});

describeInBrowser('a member in the dashboard', () => {
  it('gets another role only after the owner confirms the change', async () => {
    const { page, stack } = run;
    const viewer = await addMember(stack, tenant, 'viewer');
    await open('members');
    await page.getByLabel(`Role of ${viewer}`).selectOption('owner');
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    const path = `/v1/workspaces/${tenant.workspaceId}/members/${viewer}`;
    const roleOf = async () => expectSuccess(await stack.call('GET', path, { as: tenant.owner })).role;
    expect(await roleOf()).toBe('viewer');
    expect(await page.getByLabel(`Role of ${viewer}`).inputValue()).toBe('viewer');
    await page.getByLabel(`Role of ${viewer}`).selectOption('admin');
    await dialog().getByRole('button', { name: 'Change the role' }).click();
    await page.getByText(`${viewer} is admin now.`).waitFor();
    expect(await roleOf()).toBe('admin');
  });

  it('who is the only owner cannot leave, and reads why', async () => {
    const { page, stack } = run;
    const inRow = (name: string) => page.getByLabel(`${name} ${tenant.owner}`, { exact: true });
    await open('members');
    await page.getByText('You are the only owner. To leave, make another member an owner first').waitFor();
    const reason =
      'The only owner. To change this role or remove the person, make another member an owner first.';
    await members().getByText(reason).waitFor();
    expect(await button('Leave this workspace').isDisabled()).toBe(true);
    for (const control of [inRow('Role of'), inRow('Remove')]) {
      expect(await control.isDisabled()).toBe(true);
      const id = await control.getAttribute('aria-describedby');
      expect(await page.locator(`[id="${id}"]`).innerText()).toBe(reason);
    }
    await addMember(stack, tenant, 'owner');
    await open('members');
    await button('Leave this workspace').and(page.locator(':enabled')).waitFor();
    for (const control of [inRow('Role of'), inRow('Remove')]) expect(await control.isEnabled()).toBe(true);
    expect(await members().innerText()).not.toContain('The only owner.');
  });

  it('can leave the workspace', async () => {
    const { page, stack } = run;
    const viewer = await addMember(stack, tenant, 'viewer');
    await enter(viewer);
    await open('members');
    await page.getByText(viewer).first().waitFor();
    await button('Leave this workspace').click();
    await dialog().getByRole('button', { name: 'Leave' }).click();
    await page.getByRole('heading', { name: 'Create your workspace' }).waitFor();
    const workspace = `/v1/workspaces/${tenant.workspaceId}`;
    expectRefusal(await stack.call('GET', workspace, { as: viewer }), 404, 'workspace_not_found');
  });
});
