import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { addIncident, buryTrail } from '../support/bury.ts';
import { addSite } from '../support/keyed-tenant.ts';
import { mailsTo } from '../support/mail.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { event, report } from '../support/reports.ts';
import { fakeKey, makeTenant, mint, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

const MINUTE = 60_000;
/** More than one call of the audit list looks at. */
const BUSY_DAYS = 2_300;

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' }, { allowed_origins: [run.stack.url] });
  await signIn(run, tenant.owner);
}, 2 * MINUTE);
afterAll(() => run?.close());

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string | RegExp) =>
  run.page.getByRole('button', { name, exact: typeof name === 'string' });
const main = async (): Promise<string> => (await run.page.locator('main').textContent()) ?? '';

describeInBrowser('the dashboard', () => {
  it('requests no key that is not stored, so no page logs an error to the console', async () => {
    for (const path of ['billing', 'sites', `sites/${tenant.siteId}?tab=key`, 'voice']) await open(path);
    expect(run.console.filter((line) => line.startsWith('error'))).toEqual([]);
    await open('sites');
    await run.page.getByText('No key: voice does not work').waitFor();
  });

  it('offers managed mode only if it is available, and explains why not', async () => {
    await open('billing');
    expect(await button('Switch to managed').isDisabled()).toBe(true);
    await run.page.getByText('Not available: this service has no platform key.').waitFor();
  });

  it('shows a stored key with 0 of its limit when there are no sessions', async () => {
    await open('usage?tab=concurrency');
    await run.page.getByText('No key is stored').waitFor();
    expectSuccess(await putWorkspaceKey(run.stack, tenant, fakeKey()));
    await open('usage?tab=concurrency');
    await run.page.getByText('The workspace’s key').waitFor();
    expect(await main()).toMatch(/0 of \d/);
  });

  it('offers a rollback only if there is a previous version, and names it', async () => {
    await open('billing');
    await button('Rotate').waitFor();
    expect(await button(/^Roll back/).count()).toBe(0);
    const first = (await run.page.locator('code').first().textContent()) ?? '';
    expectSuccess(await putWorkspaceKey(run.stack, tenant, fakeKey()));
    await open('billing');
    await button(`Roll back to version 1 (…${first.slice(-4)})`).click();
    const dialog = run.page.getByRole('dialog');
    expect(await dialog.getByRole('heading').textContent()).toContain('Roll back to version 1');
    await dialog.getByRole('button', { name: 'Cancel' }).click();
    // Past the retention.
    run.stack.advance(25 * 60 * MINUTE);
    await open('billing');
    await button('Rotate').waitFor();
    await run.page.getByText('Version history').click();
    await run.page.getByText('shredded').first().waitFor();
    expect(await button(/^Roll back/).count()).toBe(0);
  });

  it('asks before it discards unsaved edits: on another page, another tab and a reload', async () => {
    await open('sites');
    await run.page.getByRole('link', { name: 'Shop site' }).click();
    const save = button('Save changes');
    await save.waitFor();
    expect(await save.isDisabled()).toBe(true);
    const instructions = run.page.getByLabel('Instructions');
    await instructions.fill('A long prompt.');
    expect(await save.isDisabled()).toBe(false);
    for (const leave of [
      () => run.page.getByRole('link', { name: 'Usage' }).click(),
      () => run.page.getByRole('tab', { name: 'Embed' }).click(),
      () => run.page.goBack(),
    ]) {
      await leave();
      await button('Keep editing').click();
      expect(await instructions.inputValue()).toBe('A long prompt.');
    }
    const asked: string[] = [];
    run.page.once('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.dismiss();
    });
    await run.page.reload({ timeout: 3_000 }).catch(() => undefined);
    expect(asked).toEqual(['beforeunload']);
    await save.click();
    await run.page.getByText('Saved.').waitFor();
    expect(await save.isDisabled()).toBe(true);
    await run.page.getByRole('link', { name: 'Usage' }).click();
    await run.page.getByRole('heading', { name: 'Usage', level: 1 }).waitFor();
  });

  it('discards edits only after the person confirms', async () => {
    await open('settings');
    await run.page.getByLabel('Name').fill('Another name');
    await run.page.getByRole('link', { name: 'Billing' }).click();
    await button('Discard changes').click();
    await run.page.getByRole('heading', { name: 'Billing', level: 1 }).waitFor();
    await open('settings');
    expect(await run.page.getByLabel('Name').inputValue()).toBe('Harbour Books');
  });

  it('says that alerts are mailed only to a verified address, and where they are listed', async () => {
    await open('settings');
    const address = 'owner@harbour.example';
    await run.page.getByLabel('Alert email').fill(address);
    await button('Save changes').click();
    await run.page.getByText('Saved.').waitFor();
    const state = await run.stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/mail-alerts`, {
      as: tenant.owner,
    });
    expect(expectSuccess(state)).toMatchObject({ address, verified: false });
    expect(mailsTo(run.stack, address)).toEqual([]);
    const text = await main();
    expect(text).toContain('Alerts are mailed to it once it is verified under Alerts.');
    expect(text).toContain('Audit lists every alert.');
    expect(text).not.toContain('Tell me');
  });

  it('shows one next step for an error, counts errors by kind, and links to the session', async () => {
    const minted = expectSuccess(await mint(run.stack, tenant, {}, run.stack.url));
    for (let times = 0; times < 3; times++) {
      const denied = event('error', run.stack.now(), { source: 'media', code: 'NotAllowedError' });
      expectSuccess(
        await report(run.stack, tenant, minted, [denied], {
          signedAt: run.stack.now(),
          origin: run.stack.url,
        }),
      );
      run.stack.advance(2 * MINUTE);
    }
    await open('usage?tab=errors');
    const rows = run.page.getByRole('table', { name: 'Errors, newest first' }).locator('tbody tr');
    expect(await rows.count()).toBe(1);
    const text = (await rows.first().textContent()) ?? '';
    expect(text).toContain('A visitor did not allow the microphone.');
    expect(text).not.toContain('Request ID');
    expect(await rows.first().locator('td').nth(1).textContent()).toBe('3');
    await run.page.getByLabel('When it happened').selectOption('connect');
    await run.page.getByText('No such errors').waitFor();
    await run.page.reload();
    await run.page.getByText('No such errors').waitFor();
    await run.page.getByLabel('When it happened').selectOption('media');
    await run.page.getByRole('link', { name: 'Latest session' }).click();
    const receipt = run.page.getByRole('dialog', { name: 'Receipt' });
    await receipt.getByText(minted.session_id).waitFor();
    await run.page.reload();
    await receipt.getByText(minted.session_id).waitFor();
    // The time zone is next to the time.
    expect(await receipt.textContent()).toMatch(/Began.*\b(UTC|GMT|[A-Z]{2,4})/);
  });

  it('finds an incident and a first event behind busy days, and shows how far a search has come', async () => {
    await addIncident(run.stack, tenant);
    await buryTrail(run.stack, tenant, BUSY_DAYS);
    await open('audit');
    await run.page.getByRole('table', { name: 'Unusual use' }).getByText('listed here').waitFor();
    await run.page.getByLabel('What', { exact: true }).selectOption('workspace.created');
    const trail = run.page.getByRole('table', { name: 'Audit trail' });
    await trail.getByText('Workspace created').waitFor();
    expect(await trail.locator('tbody tr').count()).toBe(1);
    await run.page.reload();
    await trail.getByText('Workspace created').waitFor();
    await run.page.getByLabel('What', { exact: true }).selectOption('');
    // Without an index: two calls, one search.
    await run.page.getByLabel('Who').fill(tenant.owner);
    await trail.getByText('Site created').waitFor();
    // A search that is cut short claims nothing.
    await run.page.route(/\/audit\?/, async (route) => {
      const body = { items: [], next_cursor: 'more', searched_to: '2026-11-01T12:00:00.000Z' };
      await route.fulfill({ json: { success: true, data: body } });
    });
    await run.page.getByLabel('Who').fill('nobody');
    await run.page.getByText(/^Searched back to .*2026/).waitFor();
    await button('Search further').waitFor();
    expect(await run.page.getByText('Nothing matches').count()).toBe(0);
    await run.page.unroute(/\/audit\?/);
  }, 60_000);

  it('names the platform’s key if the platform pays, and shows the site limit instead of a form', async () => {
    await putPlatformKey(run.stack, fakeKey());
    const second = await addSite(run.stack, tenant);
    expectSuccess(await putSiteKey(run.stack, second, fakeKey()));
    await open('billing');
    await button('Switch to managed').click();
    await run.page.getByRole('dialog').getByRole('button', { name: 'Switch' }).click();
    await run.page.getByText('The platform’s key', { exact: true }).waitFor();
    await run.page.getByText('The platform’s key; its own key is stored but not used').waitFor();
    const full = await makeTenant(run.stack, { billing_mode: 'managed' });
    await run.page.evaluate('sessionStorage.clear()');
    await signIn(run, full.owner);
    await openPage(run, full.workspaceId, 'sites');
    expect(await button('New site').isDisabled()).toBe(true);
    expect(await main()).toContain('1 of 1 site');
    await openPage(run, full.workspaceId, 'sites/new');
    expect(await run.page.getByLabel('Name').count()).toBe(0);
  });

  it('shows new people their user ID to copy', async () => {
    await run.page.evaluate('sessionStorage.clear()');
    await signIn(run, 'new-person-7');
    await run.page.getByRole('heading', { name: 'Create your workspace' }).waitFor();
    expect(await run.page.getByRole('main').textContent()).toContain('new-person-7');
    await button('Copy user ID').waitFor();
    await button('Sign out').waitFor();
  });

  it('is served at / and at /dashboard', async () => {
    for (const path of ['/', '/dashboard']) {
      const answer = await fetch(`${run.stack.url}${path}`, { redirect: 'manual' });
      expect([answer.status, answer.headers.get('location')]).toEqual([302, '/dashboard/']);
    }
  });
});
