import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { changeWorkspace } from '../support/keyed-tenant.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' });
}, 120_000);
afterAll(() => run?.close());

const read = async () =>
  expectSuccess(await run.stack.call('GET', `/v1/workspaces/${tenant.workspaceId}`, { as: tenant.owner }));

describeInBrowser('an owner who sets the retention', () => {
  it('sets the days, reads what happens to stored data, and keeps the changes of another owner', async () => {
    const { page } = run;
    await page.goto(`${run.stack.url}/dashboard/`);
    await signIn(run, tenant.owner);
    await openPage(run, tenant.workspaceId, 'settings');
    const sessions = page.getByLabel('Keep sessions for (days)');
    const save = page.getByRole('button', { name: 'Save changes' });
    await sessions.waitFor();
    expect([
      await sessions.inputValue(),
      await page.getByLabel('Keep errors for (days)').inputValue(),
    ]).toEqual(['400', '30']);
    const note = page.getByText('What is stored already keeps its time.');
    expect(await note.count()).toBe(0);
    await sessions.fill('60');
    await note.waitFor();
    await page.getByLabel('Keep errors for (days)').fill('14');
    await save.click();
    await page.getByText('The settings of Harbour Books are saved.').waitFor();
    expect((await read()).retention).toEqual({ session_days: 60, error_days: 14 });
    await changeWorkspace(run.stack, tenant, { retention: { session_days: 90, error_days: 14 } });
    await page.getByLabel('Name', { exact: true }).fill('Harbour Bookshop');
    await save.click();
    await page.getByText('The settings of Harbour Bookshop are saved.').waitFor();
    expect(await read()).toMatchObject({
      name: 'Harbour Bookshop',
      retention: { session_days: 90, error_days: 14 },
    });
  });
});
