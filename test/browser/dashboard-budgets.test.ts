import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { addMember } from '../support/people.ts';
import { fakeKey, makeTenant, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
}, 120_000);
afterAll(() => run?.close());

beforeEach(async () => {
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' }, { control: 'open' });
  expectSuccess(await putWorkspaceKey(run.stack, tenant, fakeKey()));
  await run.page.goto(`${run.stack.url}/dashboard/`);
  await run.page.evaluate('sessionStorage.clear()');
  await signIn(run, tenant.owner);
});

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string | RegExp) =>
  run.page.getByRole('button', { name, exact: typeof name === 'string' });
const dialog = () => run.page.getByRole('dialog');
const siteBudget = () => run.stack.call('GET', `/v1/sites/${tenant.siteId}/budget`, { as: tenant.owner });

describeInBrowser('a person who manages budgets', () => {
  it('sets, changes and removes the budget of a site', async () => {
    const { page } = run;
    await open('budgets');
    await button('Set a budget for Shop site').click();
    await dialog().getByLabel('Amount, US dollars').fill('50');
    await dialog().getByText('Also refuses new sessions at 100 %.').waitFor();
    await dialog()
      .getByText(
        /Buys about [\d,]+ minutes, at \$0\.\d+ a minute for a typical conversation with gpt-realtime/,
      )
      .waitFor();
    await dialog().getByRole('button', { name: 'Save the budget' }).click();
    await page.getByText('The budget of Shop site is saved.').waitFor();
    await page.getByRole('img', { name: 'Budget of Shop site: $0.00 of $50.00 a month spent' }).waitFor();
    expect(expectSuccess(await siteBudget())).toMatchObject({
      amount_usd: 50,
      period: 'month',
      action: 'refuse',
    });
    await button('Change the budget of Shop site').click();
    await dialog().getByLabel('Amount, US dollars').fill('0.5');
    await dialog().getByLabel('Period').selectOption('day');
    await dialog().getByRole('radio', { name: 'Notify' }).check();
    await dialog().getByRole('button', { name: 'Save the budget' }).click();
    await page.getByRole('img', { name: /of \$0\.50\d* a day spent/ }).waitFor();
    expect(expectSuccess(await siteBudget())).toMatchObject({ amount_usd: 0.5, action: 'notify' });
    await button('Remove the budget of Shop site').click();
    await dialog().getByRole('button', { name: 'Remove the budget' }).click();
    await page.getByText('The budget of Shop site is removed.').waitFor();
    expectRefusal(await siteBudget(), 404, 'budget_not_found');
  });

  it('reads why an action is refused and which site is the reason, and keeps the form', async () => {
    await open('budgets');
    await button('Set a budget for Harbour Books').click();
    await dialog().getByLabel('Amount, US dollars').fill('20');
    await dialog().getByRole('radio', { name: 'End calls' }).check();
    await dialog().getByRole('button', { name: 'Save the budget' }).click();
    const refusal = dialog().getByRole('alert');
    await refusal.getByText('The action of the budget needs stricter control').waitFor();
    expect(await refusal.textContent()).toContain('Shop site');
    expect(await dialog().getByLabel('Amount, US dollars').inputValue()).toBe('20');
  });

  it('sees the spending as a viewer, without controls to change it', async () => {
    const path = `/v1/workspaces/${tenant.workspaceId}/budget`;
    const body = { period: 'month', amount_usd: 20, action: 'refuse' };
    expectSuccess(await run.stack.call('PUT', path, { as: tenant.owner, body }));
    const viewer = await addMember(run.stack, tenant, 'viewer');
    await run.page.evaluate('sessionStorage.clear()');
    await signIn(run, viewer);
    await open('budgets');
    await run.page
      .getByRole('img', { name: 'Budget of Harbour Books: $0.00 of $20.00 a month spent' })
      .waitFor();
    expect(await run.page.locator('main').getByRole('button').count()).toBe(0);
  });
});

describeInBrowser('a person who requires embed tokens', () => {
  it('creates a secret that is shown once, requires tokens, and removes the secret again', async () => {
    const { page, stack } = run;
    const site = async () =>
      expectSuccess(await stack.call('GET', `/v1/sites/${tenant.siteId}`, { as: tenant.owner }));
    await open(`sites/${tenant.siteId}?tab=visitors`);
    await button('Create a key').click();
    await dialog().getByRole('button', { name: 'Create the secret' }).click();
    await dialog().getByText('Copy it now. It is not shown again.').waitFor();
    const secret = (await dialog().locator('pre code').textContent()) ?? '';
    expect(secret.length).toBeGreaterThanOrEqual(32);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    await page.getByText('Key stored').waitFor();
    expect(await page.content()).not.toContain(secret);
    expect(await site()).toMatchObject({ embed_key: { algorithm: 'HS256' } });
    await page.getByLabel('Only visitors with an embed token may talk').check();
    await page.getByLabel('Conversations of one visitor a day').fill('5');
    await button('Save the rules').click();
    await page.getByText('The rules for visitors of Shop site are saved.').waitFor();
    expect(await site()).toMatchObject({
      require_embed_token: true,
      visitor_limits: { calls_per_day: 5, minutes_per_day: null },
    });
    await button('Replace the key').click();
    await dialog().getByText('Your public key (ES256)').click();
    await dialog().getByLabel('Public key, PEM').fill(['-----BEGIN', 'PRIVATE KEY-----'].join(' '));
    await dialog().getByRole('button', { name: 'Store the public key' }).click();
    await dialog().getByText('Must be a P-256 public key in PEM form').waitFor();
    await dialog().getByRole('button', { name: 'Cancel' }).click();
    await button('Remove the key').click();
    await dialog().getByText('no visitor can talk until a new key is stored').waitFor();
    await dialog().getByRole('button', { name: 'Remove the key' }).click();
    await page.getByText('The embed key of Shop site is removed.').waitFor();
    expect(await site()).toMatchObject({ embed_key: null });
  });
});
