import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { fakeKey, makeTenant, putSiteKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, documentStep, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1180, height: 780 } } });
  tenant = await makeTenant(
    run.stack,
    { name: 'Harbour Books' },
    { allowed_origins: ['https://harbour.example', 'https://former.example'] },
  );
  await putWorkspaceKey(run.stack, tenant, fakeKey());
  await signIn(run, tenant.owner);
}, 120_000);
afterAll(() => run?.close());

const open = async (path: string): Promise<void> => {
  await run.page.goto(`${run.stack.url}/dashboard/w/${tenant.workspaceId}/${path}`);
  await run.page.getByRole('heading', { level: 1 }).waitFor();
};
const button = (name: string | RegExp) => run.page.getByRole('button', { name });

describeInBrowser('Test voice in the dashboard', () => {
  it('probes the key of the site, and shows the next step if the key has become invalid', async () => {
    await open('voice');
    await button('Test the key').click();
    await run.page.getByText('The key works.').waitFor();
    run.stack.openAi?.inject({
      path: '/v1/realtime/client_secrets',
      status: 401,
      body: { error: { code: 'invalid_api_key', type: 'invalid_request_error', message: '', param: null } },
      times: 1,
    });
    await button('Test the key').click();
    const verdict = run.page.getByText('OpenAI does not accept this key');
    await verdict.waitFor();
    await run.page.getByText('Create new secret key').waitFor();
    await button('Test the key').click();
    await run.page.getByText('The key works.').waitFor();
  });

  it("asks to allow the dashboard's origin before a call, and adds it on request", async () => {
    await run.page.getByText('This site does not allow the dashboard’s own origin.').waitFor();
    expect(await run.page.locator('spelo-voice').count()).toBe(0);
    // What another person removes while the page is open stays removed.
    const body = { allowed_origins: ['https://harbour.example'] };
    await run.stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body });
    await button(`Allow ${run.stack.url} on this site`).click();
    await run.page.locator('spelo-voice').waitFor();
    const site = await run.stack.call('GET', `/v1/sites/${tenant.siteId}`, { as: tenant.owner });
    expect(site.data.allowed_origins).toEqual(['https://harbour.example', run.stack.url]);
  });

  it('holds a conversation with the real widget while the usage counters run', async () => {
    const widget = run.page.locator('spelo-voice');
    await widget.getByRole('button', { name: 'Talk to us' }).click();
    await widget.getByRole('button', { name: /agree/i }).click();
    await run.page
      .getByTestId('voice-state')
      .getByText(/Listening|Thinking|Speaking/)
      .waitFor();
    // An answer has been given: it was counted and priced.
    await run.page.getByText(/, [1-9]\d* answers?$/).waitFor({ timeout: 60_000 });
    await run.page.getByText('estimated from the price list').waitFor();
    await run.page.getByTestId('voice-tokens').scrollIntoViewIfNeeded();
    await documentStep(run, '5-voice');
  });

  it('shows the used slot on another page while the call continues', async () => {
    const other = await run.context.newPage();
    const kept = (await run.page.evaluate('JSON.stringify(sessionStorage)')) as string;
    await other.addInitScript(`Object.entries(${kept}).forEach(([k, v]) => sessionStorage.setItem(k, v))`);
    await other.goto(`${run.stack.url}/dashboard/w/${tenant.workspaceId}/usage?tab=concurrency`);
    await other
      .getByRole('meter', { name: /^The workspace’s key/ })
      .and(other.locator('[aria-valuetext="1 of 30"]'))
      .waitFor();
    await other.close();
  });

  it('ends the call and shows its usage, its receipt and its audit row', async () => {
    await run.page
      .locator('spelo-voice')
      .getByRole('button', { name: /hang up/i })
      .click();
    await run.page.getByText('Ended: hung up.').waitFor();
    await run.page.getByRole('link', { name: 'Usage, Sessions' }).click();
    const sessions = run.page.getByRole('table', { name: 'Sessions, newest first' });
    await sessions.getByText('Hung up').waitFor();
    await sessions
      .getByRole('button', { name: /^Receipt/ })
      .first()
      .click();
    const receipt = run.page.getByRole('dialog', { name: 'Receipt' });
    expect(await receipt.textContent()).toMatch(
      /Your OpenAI account.*The workspace’s key, version 1.*\$0\.\d+/,
    );
    expect(await receipt.getByRole('row', { name: /Audio out/ }).count()).toBe(1);
    // Also when its link was opened: the focus begins at the title, not with a ring around the table.
    await run.page.reload();
    await receipt.waitFor();
    expect(await run.page.evaluate('document.activeElement.textContent')).toBe('Receipt');
    await receipt.getByRole('button', { name: 'Close' }).click();

    await run.page.getByRole('tab', { name: 'Overview' }).click();
    await run.page.getByRole('table', { name: 'Usage by day' }).getByRole('row').nth(1).waitFor();
    const download = run.page.waitForEvent('download');
    await button('Export CSV').click();
    expect((await download).suggestedFilename()).toMatch(/^usage-.*\.csv$/);

    await run.stack.streams.drain();
    await open('audit');
    await run.page
      .getByRole('table', { name: 'Audit trail' })
      .getByText('Key used, a client secret issued')
      .first()
      .waitFor();
  });

  it('lists visitor errors with their next step', async () => {
    await run.stack.call('POST', `/v1/${tenant.siteId}/token`, {
      origin: 'https://elsewhere.example',
      body: {},
    });
    await open('usage?tab=errors');
    const errors = run.page.getByRole('table', { name: 'Errors, newest first' });
    await errors.getByText('came from https://elsewhere.example, which is not an allowed origin').waitFor();
  });

  it("probes the site's own key if there is one", async () => {
    const own = fakeKey();
    await putSiteKey(run.stack, tenant, own);
    await open('voice');
    await run.page.getByText(`This site uses its own key, sk-proj-...${own.slice(-4)}`).waitFor();
  });

  it('compares both modes for the actual usage and for the values of the sliders', async () => {
    await open('calculator');
    const month = run.page.getByRole('table', { name: 'Costs of your own month by plan' });
    await month.getByRole('row', { name: /Starter/ }).waitFor();
    const session = run.page.locator('dl').getByText('A session').locator('..');
    const before = await session.textContent();
    await run.page.getByLabel(/^The assistant speaks/).fill('10');
    await run.page.getByText('12 minutes', { exact: true }).waitFor();
    expect(await session.textContent()).not.toBe(before);
    await run.page
      .getByRole('figure', { name: /^Cost by minutes/ })
      .locator('svg')
      .first()
      .waitFor();
  });
});
