import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { liveSessions, openedCall, sessionOf } from '../support/calls.ts';
import { addMember } from '../support/people.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
}, 120_000);
afterAll(() => run?.close());

/** A workspace with a key and a brokered site, whose owner is signed in. */
beforeEach(async () => {
  tenant = await makeTenant(run.stack, {}, { control: 'open' });
  expectSuccess(await putWorkspaceKey(run.stack, tenant, fakeKey()));
  await run.page.goto(`${run.stack.url}/dashboard/`);
  await run.page.evaluate('sessionStorage.clear()');
  await signIn(run, tenant.owner);
});

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string | RegExp) =>
  run.page.getByRole('button', { name, exact: typeof name === 'string' });
const dialog = () => run.page.getByRole('dialog');
const main = async (): Promise<string> => (await run.page.locator('main').textContent()) ?? '';

describeInBrowser('the control of a site', () => {
  it('is brokered for a new site, and explains the risk of client secrets if open is chosen', async () => {
    await open('sites/new');
    const { page } = run;
    expect(await page.getByRole('radio', { name: /^Brokered/ }).isChecked()).toBe(true);
    expect(await main()).not.toContain('Tokens do not limit');
    await page.getByRole('radio', { name: /^Open/ }).check();
    await page.getByText('Tokens do not limit what a hostile page can spend.').waitFor();
    expect(await main()).toContain('Set a spend limit on the OpenAI project');
    await page.getByRole('radio', { name: /^Locked/ }).check();
    expect(await main()).not.toContain('Tokens do not limit');
  });

  it('is stored as chosen', async () => {
    await open(`sites/${tenant.siteId}`);
    await run.page.getByRole('radio', { name: /^Locked/ }).check();
    await button('Save changes').click();
    await run.page.getByText('Shop site is saved.').waitFor();
    const site = expectSuccess(
      await run.stack.call('GET', `/v1/sites/${tenant.siteId}`, { as: tenant.owner }),
    );
    expect(site.control).toBe('locked');
  });
});

describeInBrowser('a person who monitors live sessions', () => {
  it('sees calls and token sessions, ends a call and cannot end a token session', async () => {
    const { page, stack } = run;
    await open('usage?tab=live');
    await page.getByText('Nobody is talking').waitFor();
    const call = await openedCall(stack, tenant);
    const token = expectSuccess(await mint(stack, tenant));
    // Without a reload.
    const rows = page.getByRole('table', { name: 'Live sessions, oldest first' }).locator('tbody tr');
    await rows.nth(1).waitFor();
    expect(await rows.filter({ hasText: 'Token' }).textContent()).toContain('Cannot be ended');
    await rows
      .filter({ hasText: 'Call' })
      .getByRole('button', { name: /^End the call/ })
      .click();
    await dialog().getByRole('button', { name: 'End the call' }).click();
    await page.getByText('The call on Shop site is being ended.').waitFor();
    await stack.hangUps.drain();
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'operator' });
    expect(await liveSessions(stack, tenant)).toEqual([token.session_id]);
    await rows.filter({ hasText: 'Call' }).waitFor({ state: 'detached' });
  });

  it('has no button to end a call as a viewer', async () => {
    await openedCall(run.stack, tenant);
    const viewer = await addMember(run.stack, tenant, 'viewer');
    await run.page.evaluate('sessionStorage.clear()');
    await signIn(run, viewer);
    await open('usage?tab=live');
    await run.page.getByRole('table', { name: 'Live sessions, oldest first' }).waitFor();
    expect(await button(/^End/).count()).toBe(0);
  });
});

describeInBrowser('a person who stops a key or deletes data', () => {
  it('reads how many calls a suspension would end, and can keep them', async () => {
    const { page, stack } = run;
    const calls = [await openedCall(stack, tenant), await openedCall(stack, tenant)];
    await open('billing');
    await button('Suspend').click();
    await dialog().getByText('Ends 2 live calls.').waitFor();
    await dialog().getByLabel('Keep live calls').check();
    await dialog().getByText('Keeps 2 live calls running.').waitFor();
    await dialog().getByRole('button', { name: 'Suspend' }).click();
    await page.getByText('Live calls continue until they end.').waitFor();
    await stack.hangUps.drain();
    expect(await liveSessions(stack, tenant)).toHaveLength(calls.length);
    await button('Resume').click();
    await button('Suspend').click();
    await dialog().getByText('Ends 2 live calls.').waitFor();
    await dialog().getByRole('button', { name: 'Suspend' }).click();
    await page.getByText('Its live calls are being ended.').waitFor();
    await stack.hangUps.drain();
    expect(await liveSessions(stack, tenant)).toEqual([]);
    for (const call of calls)
      expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'key_suspended' });
  });

  it('reads only the number of calls on that key, and how many token sessions will remain', async () => {
    const { stack } = run;
    await openedCall(stack, tenant);
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    await openedCall(stack, tenant);
    await openedCall(stack, tenant);
    expectSuccess(await mint(stack, tenant));
    await open(`sites/${tenant.siteId}?tab=key`);
    await button('Suspend').click();
    await dialog().getByText('Ends 2 live calls.').waitFor();
    await dialog().getByText('1 session opened with a token cannot be ended.').waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await open('billing');
    await button('Suspend').click();
    await dialog().getByText('Ends 1 live call.').waitFor();
  });

  it('reads how many calls a deletion ends, before and after it', async () => {
    const { page, stack } = run;
    await openedCall(stack, tenant);
    await open('billing');
    const masked = (await page.locator('code').first().textContent()) ?? '';
    await button('Delete').click();
    await dialog().getByText('Ends 1 live call.').waitFor();
    await dialog().getByRole('textbox').fill(masked.slice(-4));
    await dialog().getByRole('button', { name: 'Delete the key' }).click();
    await page.getByText('The key is deleted. 1 call is being ended.').waitFor();
  });

  it('reads how many calls the archival of a site and the deletion of the workspace end', async () => {
    const { page, stack } = run;
    await openedCall(stack, tenant);
    const body = { name: 'Till' };
    expectSuccess(await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body }));
    await open('settings');
    await button('Delete the workspace').click();
    await dialog().getByText('Ends 1 live call.').waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await open(`sites/${tenant.siteId}`);
    await button('Archive').click();
    await dialog().getByText('Ends 1 live call.').waitFor();
    await dialog().getByRole('textbox').fill('Till');
    await dialog().getByRole('button', { name: 'Archive the site' }).click();
    await page.getByText('Till is archived. 1 call is being ended.').waitFor();
  });
});
