import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import type { Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  tenant = await makeKeyedTenant(run.stack, { name: 'Harbour Books' }, { control: 'brokered' });
  await signIn(run, tenant.owner);
}, 120_000);
afterAll(() => run?.close());

const call = (method: string, path: string, body?: unknown) => asOwner(run.stack, tenant, method, path, body);
const workspace = (path = ''): string => `/v1/workspaces/${tenant.workspaceId}${path}`;
const site = (): string => `/v1/sites/${tenant.siteId}`;
const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string) => run.page.getByRole('button', { name, exact: true });
const dialog = () => run.page.getByRole('dialog');
const field = (name: string) => dialog().getByLabel(name, { exact: true });
const press = (name: string) => dialog().getByRole('button', { name, exact: true }).click();
const isTold = (fields: string) =>
  run.page.getByText(`Another person changed this while you edited it: ${fields}.`).waitFor();

describeInBrowser('two people who have the same dialog open', () => {
  it("do not undo each other's saved changes of a budget, and are warned before they replace one", async () => {
    const path = workspace('/budget');
    const budget = { period: 'month', amount_usd: 50, action: 'notify' };
    await call('PUT', path, budget);
    await open('budgets');
    await button('Change the budget of Harbour Books').click();
    await field('Amount, US dollars').fill('60');
    await call('PUT', path, { ...budget, period: 'day', action: 'refuse' });
    await press('Save the budget');
    await run.page.getByText('The budget of Harbour Books is saved.').waitFor();
    expect(await call('GET', path)).toMatchObject({ period: 'day', amount_usd: 60, action: 'refuse' });

    await button('Change the budget of Harbour Books').click();
    await field('Amount, US dollars').fill('70');
    await call('PUT', path, { period: 'month', amount_usd: 500, action: 'refuse' });
    await press('Save the budget');
    await isTold('amount');
    expect(await call('GET', path)).toMatchObject({ period: 'month', amount_usd: 500 });
    // The other fields show what is stored now; what was typed stays.
    await dialog().locator('option[value="month"]:checked').waitFor({ state: 'attached' });
    expect(await field('Amount, US dollars').inputValue()).toBe('70');
    await press('Save the budget');
    await dialog().waitFor({ state: 'detached' });
    expect(await call('GET', path)).toMatchObject({ period: 'month', amount_usd: 70, action: 'refuse' });
  });

  it('are warned if the other person has set or removed the budget meanwhile', async () => {
    const path = `${site()}/budget`;
    await open('budgets');
    await button('Set a budget for Shop site').click();
    await field('Amount, US dollars').fill('20');
    await call('PUT', path, { period: 'day', amount_usd: 5, action: 'notify' });
    await press('Save the budget');
    await isTold('amount, period, action');
    expect(await call('GET', path)).toMatchObject({ period: 'day', amount_usd: 5, action: 'notify' });
    await dialog().locator('option[value="day"]:checked').waitFor({ state: 'attached' });
    await press('Save the budget');
    await dialog().waitFor({ state: 'detached' });
    expect(await call('GET', path)).toMatchObject({ period: 'day', amount_usd: 20, action: 'notify' });

    await button('Change the budget of Shop site').click();
    await field('Amount, US dollars').fill('30');
    await call('DELETE', path);
    await press('Save the budget');
    await isTold('amount, period, action');
    expect((await run.stack.call('GET', path, { as: tenant.owner })).status).toBe(404);
  });

  it("keep each other's changes to a webhook, and are warned about a change of the same field", async () => {
    const { webhook_id } = await call('POST', workspace('/webhooks'), { url: 'https://a.example/hook' });
    const path = workspace(`/webhooks/${webhook_id}`);
    const stored = async () => (await call('GET', workspace('/webhooks'))).items[0];
    await open('alerts?tab=webhooks');
    await button('Change https://a.example/hook').click();
    await dialog().getByLabel('Send every kind of notice').uncheck();
    await dialog().getByLabel('Session ended, with its receipt').uncheck();
    await call('PATCH', path, { url: 'https://b.example/hook' });
    await press('Save');
    await dialog().waitFor({ state: 'detached' });
    expect((await stored()).url).toBe('https://b.example/hook');
    expect((await stored()).events).not.toContain('session.ended');

    await button('Change https://b.example/hook').click();
    await field('URL').fill('https://mine.example/hook');
    await call('PATCH', path, { url: 'https://theirs.example/hook' });
    await press('Save');
    await isTold('url');
    expect((await stored()).url).toBe('https://theirs.example/hook');
    await press('Save');
    await dialog().waitFor({ state: 'detached' });
    expect((await stored()).url).toBe('https://mine.example/hook');
  });

  it("keep each other's changes to a function, and are warned about the same field and a removed function", async () => {
    const write = (...tools: object[]) => call('PATCH', site(), { tools });
    const stored = async () => (await call('GET', site())).tools;
    await write({ name: 'get_order', description: 'First.' });
    await open(`sites/${tenant.siteId}?tab=functions`);
    await button('Change get_order').click();
    await field('Name').fill('find_order');
    await write({ name: 'get_order', description: 'Theirs.' }, { name: 'open_cart' });
    await press('Save the function');
    await run.page.getByText('The function find_order is saved.').waitFor();
    expect(await stored()).toMatchObject([
      { name: 'find_order', description: 'Theirs.' },
      { name: 'open_cart' },
    ]);

    await button('Change find_order').click();
    await field('Description').fill('Mine.');
    await write({ name: 'find_order', description: 'Theirs again.' });
    await press('Save the function');
    await isTold('description');
    expect(await stored()).toMatchObject([{ description: 'Theirs again.' }]);
    await write();
    await press('Save the function');
    await run.page.getByText('Another person removed this function or changed its name').waitFor();
    expect(await stored()).toEqual([]);
    await press('Save the function');
    await dialog().waitFor({ state: 'detached' });
    expect(await stored()).toMatchObject([{ name: 'find_order', description: 'Mine.' }]);
  });

  it('are warned before former instructions replace newer ones of the other person', async () => {
    await call('PATCH', site(), { instructions: 'First.' });
    await call('PATCH', site(), { instructions: 'Second.' });
    await open(`sites/${tenant.siteId}`);
    await button('Former instructions').click();
    const restore = dialog().getByRole('button', { name: 'Restore' }).first();
    await restore.waitFor();
    await call('PATCH', site(), { instructions: 'Theirs.' });
    await restore.click();
    await isTold('instructions');
    expect((await call('GET', site())).instructions).toBe('Theirs.');
    expectSuccess(await run.stack.call('GET', site(), { as: tenant.owner }));
  });
});
