import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { addMember } from '../support/people.ts';
import { fakeKey, makeTenant, mint, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

const MINUTE = 60_000;
/** More than the API gives at a time, and more than twice what a table shows at first. */
const MORE_VIEWERS = 108;

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  const { stack } = run;
  tenant = await makeTenant(
    stack,
    { name: 'Harbour Books' },
    { allowed_origins: [stack.url], tools: [{ name: 'open_cart' }] },
  );
  await putWorkspaceKey(stack, tenant, fakeKey());
  await mint(stack, tenant, {}, stack.url);
  await stack.streams.drain();
}, 2 * MINUTE);
afterAll(() => run?.close());
afterEach(async () => {
  await run?.page.evaluate('sessionStorage.clear()');
});

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string) => run.page.getByRole('button', { name, exact: true });

/** Controls on the page itself that a person could press or fill in, and links that start something new. */
const OFFERED = `[...document.querySelectorAll('main :is(button, input, select, textarea, a[href$="/new"])')]
  .filter((control) => !control.matches(':disabled') && !control.readOnly && control.checkVisibility())
  .map((control) => control.getAttribute('aria-label') ?? control.labels?.[0]?.textContent ?? control.textContent)`;

const OF_SITE = ['Copy ID', 'Settings', 'Embed', 'Functions', 'Visitors', 'OpenAI key'];

/** All that a viewer finds to use: it chooses what is shown, and changes nothing. */
const FOR_VIEWERS: Readonly<Record<string, readonly unknown[]>> = {
  home: [],
  billing: [],
  voice: ['Site'],
  sites: [],
  'sites/new': [],
  site: [...OF_SITE, 'Former instructions'],
  'site?tab=key': OF_SITE,
  'site?tab=functions': [...OF_SITE, 'Copy page code'],
  'usage?tab=sessions': [
    'Overview',
    'Live',
    'Sessions',
    'Errors',
    'Concurrency',
    ...[
      'Export sessions as CSV',
      'Export sessions as JSON',
      'Site',
      'State',
      'End',
      'Problem',
      'Opened with',
      'First day (UTC)',
      'Last day (UTC)',
      'Order',
      'Session or call ID',
    ],
    expect.stringMatching(/^Receipt of the session of /),
  ],
  budgets: [],
  alerts: [],
  members: ['Leave this workspace', 'Copy user ID', 'Your name in this workspace'],
  'api-tokens': [],
  settings: [],
  audit: [],
};

describeInBrowser('the dashboard for different roles', () => {
  it(
    'offers a viewer only permitted actions, and no page sends a request that would be refused',
    async () => {
      const viewer = await addMember(run.stack, tenant, 'viewer');
      const refused: string[] = [];
      const changing: string[] = [];
      run.page.on('response', (response) => {
        const { pathname } = new URL(response.url());
        if (!pathname.startsWith('/v1/')) return;
        if ([401, 403].includes(response.status())) refused.push(pathname);
        // The calculator is a POST that anyone may send and that stores nothing.
        if (response.request().method() !== 'GET' && pathname !== '/v1/cost-estimate')
          changing.push(pathname);
      });
      await signIn(run, viewer);
      const offered: Record<string, unknown> = {};
      for (const path of Object.keys(FOR_VIEWERS)) {
        await open(path.replace(/^site(?=$|\?)/, `sites/${tenant.siteId}`));
        offered[path] = await run.page.evaluate(OFFERED);
      }
      expect(offered).toEqual(FOR_VIEWERS);
      expect({ refused, changing }).toEqual({ refused: [], changing: [] });
    },
    2 * MINUTE,
  );

  it(
    'tells a person whose role was lowered while the page was open, and nothing changes',
    async () => {
      const admin = await addMember(run.stack, tenant, 'admin');
      await signIn(run, admin);
      await open('billing');
      await button('Suspend').click();
      const member = `/v1/workspaces/${tenant.workspaceId}/members/${admin}`;
      expectSuccess(await run.stack.call('PUT', member, { as: tenant.owner, body: { role: 'viewer' } }));
      const dialog = run.page.getByRole('dialog');
      await dialog.getByRole('button', { name: 'Suspend' }).click();
      const told = dialog.getByRole('alert');
      await told.getByText('Your role in this workspace does not allow this.').waitFor();
      expect(await told.textContent()).toContain('Ask an owner of the workspace.');
      const key = await run.stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/openai-key`, {
        as: admin,
      });
      expect(expectSuccess(key).state).toBe('active');
      await open('billing');
      await run.page.getByText('The key works.').waitFor();
      expect(await button('Suspend').count()).toBe(0);
    },
    2 * MINUTE,
  );

  it(
    'shows an owner every member, fifty at a time',
    async () => {
      for (let i = 0; i < MORE_VIEWERS; i++) await addMember(run.stack, tenant, 'viewer');
      await signIn(run, tenant.owner);
      await open('members');
      const people = run.page.getByRole('table', { name: 'Members' }).locator('tbody tr');
      const all = MORE_VIEWERS + 3;
      for (const count of [50, 100, all]) {
        if (count > 50) await button('Show more').click();
        await people.nth(count - 1).waitFor();
        expect(await people.count()).toBe(count);
      }
      expect(await button('Show more').count()).toBe(0);
    },
    2 * MINUTE,
  );

  it(
    'verifies an audit chain to its end, even if that takes several calls',
    async () => {
      await run.stack.streams.drain();
      await signIn(run, tenant.owner);
      await open('audit');
      let calls = 0;
      await run.page.route(/\/audit\/verify/, (route) => {
        calls += 1;
        const url = new URL(route.request().url());
        url.searchParams.set('limit', '40');
        return route.continue({ url: url.href });
      });
      await button('Verify the chain').click();
      const title = run.page.getByText(/^Intact: all \d+ rows are as they were written\.$/);
      await title.waitFor();
      const rows = Number(/all (\d+)/.exec((await title.textContent()) ?? '')?.[1]);
      expect(rows).toBeGreaterThan(MORE_VIEWERS);
      expect(calls).toBe(Math.ceil((rows + 1) / 40));
    },
    2 * MINUTE,
  );
});
