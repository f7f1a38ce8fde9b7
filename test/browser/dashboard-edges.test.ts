import { afterAll, afterEach, beforeAll, expect, it } from '@jest/globals';
import type { Route } from 'playwright-core';
import { expectSuccess } from '../support/answers.ts';
import { addSite, asOwner } from '../support/keyed-tenant.ts';
import { fakeKey, makeTenant, mint, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

const MINUTE = 60_000;
/** One more than a page of the list. */
const SESSIONS = 26;

let run: DashboardRun;
let tenant: Tenant;
let archived: Tenant;
let first: string;

const workspace = (): string => `/v1/workspaces/${tenant.workspaceId}`;

beforeAll(async () => {
  run = await startDashboard({
    browser: { viewport: { width: 1280, height: 900 }, timezoneId: 'Europe/Berlin' },
  });
  const { stack } = run;
  tenant = await makeTenant(stack, { name: 'Harbour Books' });
  expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
  archived = await addSite(stack, tenant);
  expectSuccess(await mint(stack, archived));
  expectSuccess(await stack.call('DELETE', `/v1/sites/${archived.siteId}`, { as: tenant.owner }));
  first = expectSuccess(await mint(stack, tenant)).session_id;
  for (let i = 2; i < SESSIONS; i++) expectSuccess(await mint(stack, tenant));
  await mint(stack, tenant, {}, 'https://evil.example.net');
  const { webhook_id } = expectSuccess(
    await stack.call('POST', `${workspace()}/webhooks`, {
      as: tenant.owner,
      body: { url: 'https://receiver.invalid/hook' },
    }),
    201,
  );
  expectSuccess(
    await stack.call('POST', `${workspace()}/webhooks/${webhook_id}/test`, { as: tenant.owner }),
    202,
  );
  await stack.streams.drain();
  await signIn(run, tenant.owner);
}, 3 * MINUTE);
afterAll(() => run?.close());
afterEach(async () => {
  await run?.page.unrouteAll({ behavior: 'ignoreErrors' });
});

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string) => run.page.getByRole('button', { name, exact: true });
const main = () => run.page.locator('main').innerText();
const isListOf = (name: string) => (url: URL) => url.pathname === `${workspace()}/${name}`;
const emptyPage = (route: Route) =>
  route.fulfill({ json: { data: { items: [], next_cursor: null, searched_to: null } } });

describeInBrowser('the dashboard in edge cases', () => {
  it('shows no site as archived and no webhook as removed before it has loaded their list', async () => {
    let answer = (): void => undefined;
    const mayAnswer = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await run.page.route(isListOf('sites'), async (route) => {
      await mayAnswer;
      await route.continue();
    });
    await run.page.goto(`${run.stack.url}/dashboard/w/${tenant.workspaceId}/usage?tab=sessions`);
    const table = run.page.getByRole('table', { name: 'Sessions, newest first' });
    await table.waitFor();
    expect(await table.innerText()).not.toContain('archived');
    answer();
    await table.getByText('Shop site').first().waitFor();

    await run.page.unrouteAll({ behavior: 'wait' });
    await run.page.route(isListOf('sites'), (route) => route.fulfill({ status: 500, json: {} }));
    await open('usage?tab=sessions');
    await table.getByText(tenant.siteId).first().waitFor();
    expect(await table.innerText()).not.toContain('archived');

    await run.page.route(isListOf('webhooks'), (route) => route.fulfill({ status: 500, json: {} }));
    await open('alerts?tab=deliveries');
    const deliveries = run.page.getByRole('table', { name: 'Deliveries, newest first' });
    await deliveries.waitFor();
    expect(await deliveries.innerText()).not.toContain('removed');
  });

  it.each([
    ['usage?tab=errors&errors=x', 'errors', 'No more errors', 'No errors'],
    ['audit?rows=x', 'audit', 'No more rows', 'Nothing yet'],
    ['audit?anomalies=x', 'audit', 'No more unusual use', 'Nothing unusual so far'],
    ['alerts?tab=deliveries&page=x', 'deliveries', 'No more deliveries', 'No deliveries yet'],
  ])(
    'says on a later, empty page of %s that there are no more entries, not that there are none',
    async (path, list, says, never) => {
      await run.page.route(isListOf(list), emptyPage);
      await open(path);
      await run.page.getByText(says, { exact: true }).waitFor();
      const shown = await main();
      if (path.startsWith('audit')) return;
      expect(shown).not.toContain(never);
    },
  );

  it('labels the pages of a list by its sort order', async () => {
    await open('usage?tab=sessions');
    expect(await button('Newer').isDisabled()).toBe(true);
    await open('usage?tab=sessions&order=oldest_first');
    expect(await button('Older').isDisabled()).toBe(true);
    await button('Newer').click();
    await button('Older').and(run.page.locator(':enabled')).waitFor();
    expect(await button('Newer').isDisabled()).toBe(true);
  });

  it('shows the first page if the address names a page that only another person can read', async () => {
    for (const [path, list] of [
      ['usage?tab=sessions&sessions=x', 'Sessions, newest first'],
      ['usage?tab=errors&errors=x', 'Errors, newest first'],
      ['alerts?tab=deliveries&page=x', 'Deliveries, newest first'],
      ['audit?rows=x', 'Audit trail'],
    ] as const) {
      await open(path);
      await run.page.getByText('This is the first page.').waitFor();
      await run.page.getByRole('table', { name: list }).waitFor();
      expect(new URL(run.page.url()).search).not.toMatch(/=x$/);
    }
    await open('audit?anomalies=x');
    await run.page.getByText('This is the first page.').waitFor();
    await run.page.getByText('Nothing unusual so far').waitFor();
  });

  it('offers a way back from a later page that cannot be loaded', async () => {
    await run.page.route(isListOf('errors'), (route) => route.fulfill({ status: 500, json: {} }));
    await open('usage?tab=errors&errors=x');
    await run.page.getByRole('alert').first().waitFor();
    await run.page.unrouteAll({ behavior: 'wait' });
    await button('Newer').click();
    await run.page.getByRole('table', { name: 'Errors, newest first' }).waitFor();
  });

  it('says that a name was not searched if the names of the members could not be loaded', async () => {
    await run.page.route(isListOf('members'), (route) => route.fulfill({ status: 500, json: {} }));
    await open('audit?actor=Ada');
    await run.page.getByText('The names of the members could not be loaded.').waitFor();
    await run.page.getByText('Names were not searched.').waitFor();
    expect(await main()).not.toContain('Every row of the trail was searched.');
    await run.page.unrouteAll({ behavior: 'wait' });
    await button('Try again').first().click();
    await run.page.getByText('Every row of the trail was searched.').waitFor();
    expect(await main()).not.toContain('could not be loaded');
  });

  it('shows the first page of a list after another tab changed the shared filters', async () => {
    await open('usage?tab=sessions');
    await button('Older').click();
    await button('Newer').and(run.page.locator(':enabled')).waitFor();
    await run.page.getByRole('tab', { name: 'Errors' }).click();
    await run.page.getByLabel('Site', { exact: true }).selectOption({ label: 'Shop site' });
    await run.page.getByRole('tab', { name: 'Sessions' }).click();
    await run.page.getByRole('table', { name: 'Sessions, newest first' }).waitFor();
    const { searchParams } = new URL(run.page.url());
    expect([searchParams.get('site'), searchParams.get('sessions')]).toEqual([tenant.siteId, null]);
  });

  it('shows no running state and no duration for a session that never connected', async () => {
    await open(`usage?tab=sessions&session=${first}`);
    const receipt = run.page.getByRole('dialog', { name: 'Receipt' });
    await receipt.waitFor();
    const text = await receipt.innerText();
    expect(text).not.toContain('still running');
    expect(text).toMatch(/Ended\s+–\s+Lasted\s+–/);
    expect(text).toContain('The workspace’s key, version 1');
  });

  it('shows an archived site from the address as the selected filter', async () => {
    for (const path of ['usage?tab=sessions&', 'usage?tab=errors&', 'audit?']) {
      await open(`${path}site=${archived.siteId}`);
      const chosen = run.page.getByLabel('Site', { exact: true }).locator('option:checked');
      await chosen.filter({ hasText: 'archived' }).waitFor({ state: 'attached' });
      expect(await chosen.textContent()).toBe(`${archived.siteId} (archived)`);
    }
  });

  it('does not fail while a day is being typed, or with any text in the address', async () => {
    await open('usage?range=custom');
    await run.page.getByLabel('First day (UTC)').fill('');
    await run.page.getByText('By day', { exact: true }).waitFor();
    for (const path of [
      'usage?range=custom&from=garbage&to=',
      'usage?range=constructor',
      'usage?tab=sessions&to=garbage',
      'usage?tab=sessions&order=constructor',
      'audit?from=garbage&to=garbage',
    ]) {
      await open(path);
      expect(await main()).not.toContain('Something went wrong');
      expect(await run.page.getByRole('heading', { level: 1 }).innerText()).toMatch(/^(Usage|Audit)$/);
    }
    expect(run.console.filter((line) => line.startsWith('exception'))).toEqual([]);
  });

  it('ends the last day of an audit filter at midnight, even on a day of 25 hours', async () => {
    await open('audit?from=2026-10-25&to=2026-10-25');
    const asked = run.requests.findLast(({ url }) => url.includes('/audit?') && url.includes('from='));
    const { searchParams } = new URL(asked?.url ?? '');
    expect([searchParams.get('from'), searchParams.get('to')]).toEqual([
      '2026-10-24T22:00:00.000Z',
      '2026-10-25T23:00:00.000Z',
    ]);
  });

  it("never suggests to allow a stranger's origin", async () => {
    await open('home');
    const errors = run.page.getByRole('list', { name: 'Errors of the last 24 hours' });
    await errors
      .getByText('1 call came from https://evil.example.net, which is not an allowed origin.')
      .waitFor();
    expect(await errors.innerText()).not.toContain('Add it');
  });

  it('shows no verdict of a replaced key', async () => {
    await open('billing');
    run.stack.openAi?.inject({
      path: '/v1/realtime/client_secrets',
      status: 401,
      body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '', param: null } },
      times: 1,
    });
    await button('Test the key').click();
    const bad = run.page.getByText('OpenAI does not accept this key');
    await bad.waitFor();
    await button('Replace').click();
    await run.page.getByLabel('OpenAI API key').fill(fakeKey());
    await button('Test and replace').click();
    await run.page.getByText(/^Stored as /).waitFor();
    await run.page.getByText('The key works.').waitFor();
    await bad.waitFor({ state: 'detached' });
  });

  it('sends one request for the sessions of a time range, however many sites there are', async () => {
    await addSite(run.stack, tenant);
    const before = run.requests.length;
    await open('usage?tab=concurrency');
    await run.page.getByText('No conversations yet').waitFor();
    const asked = run.requests.slice(before).filter(({ url }) => url.includes('/sessions?'));
    expect(asked.map(({ url }) => new URL(url).pathname)).toEqual([`${workspace()}/sessions`]);
  });

  it('shows the limit of API tokens and of webhooks instead of a form', async () => {
    for (let i = 0; i < 20; i++)
      await asOwner(run.stack, tenant, 'POST', `${workspace()}/api-tokens`, {
        name: `t${i}`,
        role: 'viewer',
      });
    await open('api-tokens');
    await run.page.getByText('A workspace has at most 20 tokens: revoke one to create another.').waitFor();
    expect(await button('Create a token').isDisabled()).toBe(true);
    for (let i = 1; i < 10; i++)
      await asOwner(run.stack, tenant, 'POST', `${workspace()}/webhooks`, {
        url: `https://receiver.invalid/${i}`,
      });
    await open('alerts?tab=webhooks');
    await run.page.getByText('A workspace has at most 10 webhooks: remove one to add another.').waitFor();
    expect(await button('Add a webhook').isDisabled()).toBe(true);
  });

  it('shows the whole price of the selected model, even if a phone cuts the text of the select', async () => {
    await open(`sites/${tenant.siteId}`);
    const model = run.page.getByLabel('Model', { exact: true });
    const chosen = model.locator('option:checked').filter({ hasText: ' in, ' });
    await chosen.waitFor({ state: 'attached' });
    const option = (await chosen.textContent()) ?? '';
    const [price = 'no price'] = /\$[\d.]+ in, \$[\d.]+ out/.exec(option) ?? [];
    const hint = run.page.locator(`[id="${await model.getAttribute('aria-describedby')}"]`);
    expect(await hint.innerText()).toContain(`${price} for a million tokens of sound.`);
  });

  it('adds a refused origin to the current list, including changes that another person has made meanwhile', async () => {
    await open('usage?tab=errors');
    const add = button('Add this origin');
    await add.waitFor();
    const path = `/v1/sites/${tenant.siteId}`;
    await asOwner(run.stack, tenant, 'PATCH', path, { allowed_origins: ['https://only.example.org'] });
    await add.click();
    await run.page.getByText('https://evil.example.net can use Shop site now.').waitFor();
    const { allowed_origins } = await asOwner(run.stack, tenant, 'GET', path);
    expect(allowed_origins).toEqual(['https://only.example.org', 'https://evil.example.net']);
  });
});
