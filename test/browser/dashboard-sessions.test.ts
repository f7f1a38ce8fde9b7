import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { parse } from 'csv-parse/sync';
import { readAuditExport } from '../../tools/operator/exports/read-audit-export.ts';
import { verifyAuditRows } from '../../tools/operator/exports/verify-audit-rows.ts';
import { expectSuccess } from '../support/answers.ts';
import { addSite } from '../support/keyed-tenant.ts';
import { event, report } from '../support/reports.ts';
import { fakeKey, makeTenant, mint, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

const MINUTE = 60_000;

let run: DashboardRun;
let tenant: Tenant;
let other: Tenant;
const ids: string[] = [];

const mintAt = async (site: Tenant): Promise<string> => {
  const { session_id } = expectSuccess(await mint(run.stack, site));
  ids.push(session_id);
  return session_id;
};

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' });
  expectSuccess(await putWorkspaceKey(run.stack, tenant, fakeKey()));
  other = await addSite(run.stack, tenant);
  for (const site of [tenant, other, tenant]) await mintAt(site);
  await signIn(run, tenant.owner);
}, 2 * MINUTE);
afterAll(() => run?.close());

const open = (query: string): Promise<void> =>
  openPage(run, tenant.workspaceId, `usage?tab=sessions${query}`);
const button = (name: string | RegExp) =>
  run.page.getByRole('button', { name, exact: typeof name === 'string' });
const table = () => run.page.getByRole('table', { name: /^Sessions, / });
const rows = () => table().locator('tbody tr');
/** Waits until the table has this many rows. While it loads there is no table. */
const rowCount = async (count: number): Promise<void> => {
  await rows().nth(count).waitFor({ state: 'detached' });
  await rows()
    .nth(count - 1)
    .waitFor();
};
const parameter = (name: string): string | null => new URL(run.page.url()).searchParams.get(name);

describeInBrowser('the list of sessions', () => {
  it('has the sessions of all sites, and each filter appears in the address', async () => {
    await open('');
    await rowCount(3);
    expect(await table().textContent()).toContain('Another');
    expect(await table().textContent()).toContain('Shop site');

    await run.page.getByLabel('Site').selectOption({ label: 'Another' });
    await rowCount(1);
    expect(parameter('site')).toBe(other.siteId);
    await run.page.getByLabel('State').selectOption('issued');
    await rowCount(1);
    await run.page.reload();
    await rowCount(1);
    await run.page.getByLabel('State').selectOption('refused');
    await run.page.getByText('No matching sessions').waitFor();
    await run.page.getByText('All stored sessions were searched.').waitFor();
    await button('Clear filters').click();
    await rows().nth(2).waitFor();
    expect([parameter('site'), parameter('state')]).toEqual([null, null]);
  });

  it('finds a session by its ID, and says so if there is no such session', async () => {
    await open('');
    const search = run.page.getByLabel('Session or call ID');
    await search.fill(`  ${ids[1]} `);
    await search.press('Enter');
    await rowCount(1);
    expect(parameter('find')).toBe(ids[1]);
    await open(`&find=ses_${'0'.repeat(26)}`);
    await run.page.getByText('No session with this ID').waitFor();
    await open('&find=rtc_u0_00000000000000000000');
    await run.page.getByText('This workspace has no call rtc_u0_00000000000000000000').waitFor();
    await run.page.getByText('Calls from before this service recorded call IDs').waitFor();
  });

  it('has an address for each receipt, in any site', async () => {
    await open(`&site=${tenant.siteId}&session=${ids[1]}`);
    const receipt = run.page.getByRole('dialog', { name: 'Receipt' });
    await receipt.getByText(ids[1] ?? '').waitFor();
    expect(await receipt.textContent()).toContain('Another');
    await run.page.reload();
    await receipt.getByText(ids[1] ?? '').waitFor();
    await receipt.getByRole('button', { name: 'Close' }).last().click();
    await receipt.waitFor({ state: 'detached' });
    expect(parameter('session')).toBeNull();
    await open(`&session=ses_${'0'.repeat(26)}`);
    await run.page.getByText('This session was not found.').waitFor();
  });

  it('shows on a receipt the estimate for time without a watcher, and no such row without one', async () => {
    const estimate = run.page.getByText('Estimated for time without a watcher');
    const receipt = run.page.getByRole('dialog', { name: 'Receipt' });
    await open(`&session=${ids[1]}`);
    await receipt.getByText(ids[1] ?? '').waitFor();
    expect(await estimate.count()).toBe(0);
    await run.page.route(/\/sessions\b/, async (route) => {
      const response = await route.fetch();
      const body = (await response.text()).replaceAll(
        '"unwatched_cost_cents":0',
        '"unwatched_cost_cents":1.25',
      );
      await route.fulfill({ response, body });
    });
    await run.page.reload();
    await estimate.waitFor();
    expect(await receipt.textContent()).toContain('Estimated for time without a watcher$0.0125');
    await run.page.unrouteAll();
  });

  it('sorts all sessions by time, and says that any other sort applies to the page only', async () => {
    await open('');
    await rows().nth(2).waitFor();
    await run.page.getByLabel('Order').selectOption('oldest_first');
    await run.page.getByRole('table', { name: 'Sessions, oldest first' }).waitFor();
    await rows().first().getByRole('button').click();
    expect(parameter('session')).toBe(ids[0]);
    await open('&order=longest');
    await run.page.getByText('Sorted within the 3 sessions of this page only.').waitFor();
  });

  it('shows a new session within seconds, and moves no row under the pointer', async () => {
    await open('');
    await rows().nth(2).waitFor();
    await run.page.mouse.move(0, 0);
    await mintAt(other);
    await rows().nth(3).waitFor();
    const first = await rows().first().textContent();

    await rows().first().hover();
    const minted = expectSuccess(await mint(run.stack, tenant));
    await button('Show 1 newer session').waitFor();
    expect(await rows().count()).toBe(4);
    expect(await rows().first().textContent()).toBe(first);
    // A row that is shown still changes in place.
    const now = run.stack.now();
    expectSuccess(await report(run.stack, tenant, minted, [event('connected', now)], { signedAt: now }));
    await button('Show 1 newer session').click();
    await rows().nth(4).waitFor();
    await rows().first().getByText('live').waitFor();
  });

  it('saves all filtered rows as CSV and JSON, for sessions, errors and the audit trail', async () => {
    const saved = async (name: string): Promise<string> => {
      const [download] = await Promise.all([run.page.waitForEvent('download'), button(name).click()]);
      return readFileSync(await download.path(), 'utf8');
    };
    await open(`&site=${tenant.siteId}`);
    await rows().first().waitFor();
    const ofSite = expectSuccess(
      await run.stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/sessions?site_id=${tenant.siteId}`, {
        as: tenant.owner,
      }),
    ).items.map(({ session_id }: { session_id: string }) => session_id);
    const table: Record<string, string>[] = parse(await saved('Export sessions as CSV'), { columns: true });
    expect(table.map((row) => row['session_id'])).toEqual(ofSite);
    const json = JSON.parse(await saved('Export sessions as JSON'));
    expect(json).toMatchObject({ list: 'sessions', workspace_id: tenant.workspaceId });
    expect(json.filter).toEqual({ order: 'newest_first', site_id: tenant.siteId });
    expect(json.items.map((row: Record<string, string>) => row['session_id'])).toEqual(ofSite);

    await openPage(run, tenant.workspaceId, 'usage?tab=errors');
    expect(JSON.parse(await saved('Export errors as JSON'))).toMatchObject({ list: 'errors', items: [] });
    await run.stack.streams.drain();
    await openPage(run, tenant.workspaceId, 'audit');
    const trail = readAuditExport(await saved('Export audit as JSON'));
    expect(trail.workspaceId).toBe(tenant.workspaceId);
    expect(verifyAuditRows(trail.rows, tenant.workspaceId, {}).broken).toBeUndefined();
    expect(readAuditExport(await saved('Export audit as CSV')).rows.length).toBe(trail.rows.length);
  });
});
