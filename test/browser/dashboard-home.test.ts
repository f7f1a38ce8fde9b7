import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { addIncident } from '../support/bury.ts';
import { openedCall } from '../support/calls.ts';
import { addMember } from '../support/people.ts';
import { event, report, usageEvent } from '../support/reports.ts';
import {
  fakeKey,
  makeTenant,
  mint,
  ORIGIN,
  putSiteKey,
  putWorkspaceKey,
  type Tenant,
} from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

const MINUTE = 60_000;

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
}, 2 * MINUTE);
afterAll(() => run?.close());

beforeEach(async () => {
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' }, { control: 'open' });
  await run.page.goto(`${run.stack.url}/dashboard/`);
  await run.page.evaluate('sessionStorage.clear()');
  await signIn(run, tenant.owner);
});

const open = (path = 'home'): Promise<void> => openPage(run, tenant.workspaceId, path);
const main = async (): Promise<string> => (await run.page.locator('main').textContent()) ?? '';
const card = (name: string) => run.page.getByRole('region', { name, exact: true });
const steps = () => run.page.getByRole('list', { name: 'Next steps' });
/** The state of each step, by the mark next to it. */
const marks = (): Promise<readonly (string | null)[]> =>
  steps()
    .getByRole('img')
    .evaluateAll((all) => all.map((mark) => mark.ariaLabel));

/** A session of a page at `origin` that has one response of about $0.05. */
const talkFrom = async (origin: string): Promise<void> => {
  const minted = expectSuccess(await mint(run.stack, tenant, {}, origin));
  const at = run.stack.now();
  const events = [event('connected', at), usageEvent(at, { audioIn: 600, audioOut: 1_200 })];
  run.stack.advance(2 * MINUTE);
  const signedAt = run.stack.now();
  expectSuccess(
    await report(run.stack, tenant, minted, [...events, event('ended', signedAt, { reason: 'hung_up' })], {
      signedAt,
      origin,
    }),
  );
};

describeInBrowser('the home page', () => {
  it('is the first page, and shows the steps from a key to the first visitor with their progress', async () => {
    const { stack, page } = run;
    await page.waitForURL(/\/home$/);
    const site = `/v1/sites/${tenant.siteId}`;
    const own = { allowed_origins: [stack.url] };
    expectSuccess(await stack.call('PATCH', site, { as: tenant.owner, body: own }));
    await open();
    expect(await marks()).toEqual(['Step 1', 'Done', 'Step 3', 'Step 4', 'Step 5']);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    // A test in the dashboard is no visitor.
    await talkFrom(stack.url);
    await open();
    expect(await marks()).toEqual(['Done', 'Done', 'Step 3', 'Step 4', 'Step 5']);
    const both = { allowed_origins: [stack.url, ORIGIN] };
    expectSuccess(await stack.call('PATCH', site, { as: tenant.owner, body: both }));
    expectSuccess(await mint(stack, tenant));
    await open();
    expect(await marks()).toEqual(['Done', 'Done', 'Done', 'Done', 'Step 5']);
    await talkFrom(ORIGIN);
    await open();
    await card('OpenAI keys').getByText('Active').waitFor();
    expect(await steps().count()).toBe(0);
  });

  it('shows live calls with their cost so far, and spending against the budget', async () => {
    const { stack } = run;
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    const budget = { period: 'month', amount_usd: 20, action: 'refuse' };
    const path = `/v1/workspaces/${tenant.workspaceId}/budget`;
    expectSuccess(await stack.call('PUT', path, { as: tenant.owner, body: budget }));
    await talkFrom(ORIGIN);
    await openedCall(stack, tenant);
    await open();
    const text = await main();
    expect(text).toContain('Live now11 call · ≈ $0.00 so far');
    const { totals } = expectSuccess(
      await stack.call('GET', `/v1/workspaces/${tenant.workspaceId}/usage`, { as: tenant.owner }),
    );
    const cost = `$${(totals.cost_cents / 100).toFixed(4)}`;
    expect(totals.cost_cents).toBeGreaterThan(0);
    expect(text).toContain(`Today≈ ${cost}`);
    expect(text).toContain(`This month≈ ${cost}`);
    expect(text).toContain('UTC');
    const spent = run.page.getByRole('img', { name: /^Budget of Harbour Books:/ });
    expect(await spent.getAttribute('aria-label')).toBe(
      `Budget of Harbour Books: ${cost} of $20.00 a month spent`,
    );
  });

  it('shows the state of every key with one request for all of them', async () => {
    const { stack } = run;
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    const suspend = `/v1/sites/${tenant.siteId}/openai-key/suspend`;
    expectSuccess(await stack.call('POST', suspend, { as: tenant.owner }));
    // What signing in began to load has arrived.
    await open();
    const before = run.requests.length;
    await open();
    const lines = card('OpenAI keys').getByRole('listitem');
    expect(await lines.count()).toBe(2);
    expect(await lines.nth(0).textContent()).toMatch(/The workspace’s key.*Active/);
    expect(await lines.nth(1).textContent()).toMatch(/Key of Shop site.*Suspended/);
    const asked = run.requests
      .slice(before)
      .map(({ url }) => new URL(url).pathname)
      .filter((pathname) => pathname.startsWith('/v1/'));
    expect(asked.filter((pathname) => pathname.includes('openai-key'))).toEqual([
      `/v1/workspaces/${tenant.workspaceId}/openai-keys`,
    ]);
    // Workspaces, sites, live, overview, keys, errors and anomalies.
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked).toHaveLength(7);
  });

  it('lists open errors, and unusual use for an owner only', async () => {
    const { stack, page } = run;
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    await mint(stack, tenant, {}, 'https://staging.example');
    await addIncident(stack, tenant);
    await open();
    const errors = card('Errors');
    await errors.getByText('https://staging.example').waitFor();
    expect(await card('Unusual use').getByRole('listitem').count()).toBe(1);
    const ignored = { ignored_origins: ['https://staging.example'] };
    expectSuccess(
      await stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body: ignored }),
    );
    const viewer = await addMember(stack, tenant, 'viewer');
    await page.evaluate('sessionStorage.clear()');
    await signIn(run, viewer);
    const before = run.requests.length;
    await open();
    await errors.getByText('None.').waitFor();
    expect(await card('Unusual use').count()).toBe(0);
    expect(run.requests.slice(before).filter(({ url }) => url.includes('/audit'))).toEqual([]);
    // A viewer reads the steps and the advice, and is offered no change.
    expect(await steps().getByRole('link').count()).toBe(0);
    await card('Advice').getByText('The workspace has no budget.').waitFor();
    expect(await page.getByRole('link', { name: 'Change it' }).count()).toBe(0);
  });

  it('shows that a part failed to load, keeps the other parts, and can load that part again', async () => {
    const { page, stack } = run;
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    const overview = /\/overview\?/;
    await page.route(overview, (route) => route.fulfill({ status: 500, body: 'no' }));
    await open();
    const failed = page.getByRole('alert').filter({ hasText: 'Could not load the spending and the budget' });
    await failed.waitFor();
    await card('OpenAI keys').getByText('Active').waitFor();
    const text = await main();
    expect(text).toContain('Live now0');
    expect(text).not.toContain('Today');
    expect(text).not.toContain('no budget');
    await page.unroute(overview);
    await failed.getByRole('button', { name: 'Try again' }).click();
    await page.getByText('This month').waitFor();
    expect(await page.getByRole('alert').count()).toBe(0);
  });

  it('shows a skeleton without figures while a part loads, and marks outdated figures', async () => {
    const { page } = run;
    const answer = Promise.withResolvers<void>();
    const live = /\/live$/;
    await page.route(live, async (route) => {
      await answer.promise;
      await route.continue();
    });
    await page.goto(`${run.stack.url}/dashboard/w/${tenant.workspaceId}/home`);
    await page.getByText('Loading the live sessions…').waitFor();
    await page.getByText('This month').waitFor();
    expect(await main()).not.toMatch(/Live now\d/);
    answer.resolve();
    await page.getByText('Nobody is talking').waitFor();
    await page.unroute(live);
    await page.route(live, (route) => route.fulfill({ status: 500, body: 'no' }));
    await page.getByText(/^Not up to date: as of .*UTC/).waitFor();
    await page.unroute(live);
    await page.getByText('Not up to date').waitFor({ state: 'detached' });
  });
});
