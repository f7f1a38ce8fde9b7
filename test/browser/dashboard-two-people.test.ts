import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { asOwner } from '../support/keyed-tenant.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' }, { name: 'Shop', instructions: 'First.' });
  await signIn(run, tenant.owner);
}, 120_000);
afterAll(() => run?.close());

const path = (): string => `/v1/sites/${tenant.siteId}`;
const stored = () => asOwner(run.stack, tenant, 'GET', path());
const byAnother = (change: object) => asOwner(run.stack, tenant, 'PATCH', path(), change);
const button = (name: string) => run.page.getByRole('button', { name, exact: true });
const field = (name: string) => run.page.getByLabel(name, { exact: true });

describeInBrowser('two people who edit the same site', () => {
  it("do not undo each other's saved changes", async () => {
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}`);
    await field('Name').fill('Book shop');
    await byAnother({ instructions: 'By the other one.', voice: 'cedar', max_duration_seconds: 120 });
    await button('Save changes').click();
    await run.page.getByText('Book shop is saved.').waitFor();
    expect(await stored()).toMatchObject({
      name: 'Book shop',
      instructions: 'By the other one.',
      voice: 'cedar',
      max_duration_seconds: 120,
    });
    // The form shows the other one's settings, and nothing is left to save.
    expect(await field('Instructions').inputValue()).toBe('By the other one.');
    expect(await button('Save changes').isDisabled()).toBe(true);
  });

  it('are warned before one of them replaces a change of the other', async () => {
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}`);
    await field('Instructions').fill('Mine.');
    await field('Name').fill('Corner shop');
    await byAnother({ instructions: 'Theirs.' });
    await button('Save changes').click();
    await run.page.getByText('Another person changed this while you edited it: instructions.').waitFor();
    expect(await stored()).toMatchObject({ instructions: 'Theirs.', name: 'Book shop' });
    expect(await field('Instructions').inputValue()).toBe('Mine.');
    await button('Save changes').click();
    await run.page.getByText('Corner shop is saved.').waitFor();
    expect(await stored()).toMatchObject({ instructions: 'Mine.', name: 'Corner shop' });

    await openPage(run, tenant.workspaceId, 'settings');
    await field('Name').fill('Harbour Bookshop');
    await asOwner(run.stack, tenant, 'PATCH', `/v1/workspaces/${tenant.workspaceId}`, { name: 'Harbour' });
    await button('Save changes').click();
    await run.page.getByText('Another person changed this while you edited it: name.').waitFor();
    const workspace = await asOwner(run.stack, tenant, 'GET', `/v1/workspaces/${tenant.workspaceId}`);
    expect(workspace.name).toBe('Harbour');
  });

  it('are also warned for a field that was edited while another one was being saved', async () => {
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}`);
    let mayAnswer = (): void => undefined;
    const answered = new Promise<void>((resolve) => {
      mayAnswer = resolve;
    });
    const isSave = (url: URL): boolean => url.pathname === path();
    await run.page.route(isSave, async (route) => {
      if (route.request().method() === 'PATCH') await answered;
      await route.continue();
    });
    await field('Name').fill('Quay shop');
    await button('Save changes').click();
    await field('Instructions').fill('Mine, typed during the save.');
    await byAnother({ instructions: 'Theirs, during the save.' });
    mayAnswer();
    await run.page.getByText('Quay shop is saved.').waitFor();
    await run.page.unroute(isSave);
    await button('Save changes').click();
    await run.page.getByText('Another person changed this while you edited it: instructions.').waitFor();
    expect(await stored()).toMatchObject({ instructions: 'Theirs, during the save.', name: 'Quay shop' });
    await byAnother({ instructions: 'Theirs.', name: 'Corner shop' });
    await byAnother({ instructions: 'Mine.' });
  });

  it('keep their own unsaved edits when the page is reloaded', async () => {
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}`);
    await field('Name').fill('Unsaved name');
    await byAnother({ model: 'gpt-realtime-2.1', voice: 'marin' });
    await button('Former instructions').click();
    const dialog = run.page.getByRole('dialog');
    await dialog.getByRole('button', { name: 'Restore' }).first().click();
    await dialog.waitFor({ state: 'detached' });
    expect(await field('Name').inputValue()).toBe('Unsaved name');
    expect(await field('Instructions').inputValue()).toBe('Theirs.');
    expect(await field('Model').inputValue()).toBe('gpt-realtime-2.1');
    expect(await field('Voice').inputValue()).toBe('marin');
    await field('Name').fill('Corner shop');
    // An edit back to what is stored is none.
    expect(await button('Save changes').isDisabled()).toBe(true);
    expectSuccess(await run.stack.call('GET', path(), { as: tenant.owner }));
  });
});
