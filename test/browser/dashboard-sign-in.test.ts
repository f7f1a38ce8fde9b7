import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { BrowserContext, Page } from 'playwright-core';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, signIn, startDashboard } from './support/dashboard.ts';
import { expireIn, secondsLeft, storedUsers } from './support/stored-sign-in.ts';

const OWNER = 'demo-owner';
/** The first page of a person without a workspace. */
const SIGNED_IN = 'Create your workspace';

type Issuer = (context: BrowserContext, tokenEndpoint: string) => Promise<unknown>;

const answersStatus =
  (status: number, body: unknown = {}): Issuer =>
  (context, endpoint) =>
    context.route(endpoint, (route) => route.fulfill({ status, json: body, headers: CORS }));

const CORS = { 'access-control-allow-origin': '*' };

describeInBrowser('a dashboard sign-in that is kept on this device', () => {
  let run: DashboardRun;
  let endpoint: string;

  beforeAll(async () => {
    run = await startDashboard();
    endpoint = `${run.stack.issuer.issuer}/token`;
  });
  afterAll(async () => {
    await run?.close();
  });

  beforeEach(async () => {
    await run.context.unrouteAll();
    await run.page.goto(`${run.stack.url}/dashboard/`);
    await run.page.evaluate(() => {
      localStorage.clear();
      sessionStorage.clear();
    });
    await signIn(run, OWNER, { keep: true });
    await run.page.getByText(SIGNED_IN).first().waitFor();
  });

  it.each<[string, number, Issuer]>([
    ['the issuer answers 503', 10, answersStatus(503)],
    ['the issuer answers an HTML page', 10, answersStatus(502, '<html>')],
    [
      'the issuer refuses for a reason that does not end a sign-in',
      10,
      answersStatus(400, { error: 'temporarily_unavailable' }),
    ],
    [
      'the connection to the issuer breaks',
      10,
      (context, url) => context.route(url, (route) => route.abort()),
    ],
    [
      'the laptop wakes without a network',
      -3_600,
      (context, url) => context.route(url, (route) => route.abort('internetdisconnected')),
    ],
  ])('survives when %s', async (_, expiresIn, failing) => {
    await expireIn(run.page, expiresIn);
    await failing(run.context, endpoint);
    await run.page.goto(`${run.stack.url}/dashboard/`);
    await run.page
      .getByText(expiresIn > 0 ? SIGNED_IN : 'The sign-in service could not be reached.')
      .first()
      .waitFor();
    expect(await storedUsers(run.page)).toBe(1);

    await run.context.unrouteAll();
    await run.page.reload();
    await run.page.getByText(SIGNED_IN).first().waitFor();
    expect(await secondsLeft(run.page)).toBeGreaterThan(60);
  });

  it('ends if the issuer rejects the refresh token', async () => {
    await expireIn(run.page, 10);
    await answersStatus(400, { error: 'invalid_grant' })(run.context, endpoint);
    await run.page.reload();
    await run.page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await storedUsers(run.page)).toBe(0);
  });

  it('is renewed once by two tabs at the same moment, although each refresh token works only once', async () => {
    const second = await run.context.newPage();
    await second.goto(`${run.stack.url}/dashboard/`);
    await second.getByText(SIGNED_IN).first().waitFor();
    let renewals = 0;
    await run.context.route(endpoint, async (route) => {
      renewals++;
      await new Promise((resolve) => setTimeout(resolve, 300));
      await route.continue();
    });
    // Both tabs leave the dashboard first: a request in the background would begin a renewal that the reload then cuts off.
    const tabs = [run.page, second];
    await Promise.all(tabs.map((tab) => tab.goto(`${run.stack.url}/v1/health`)));
    await expireIn(run.page, 10);
    await Promise.all(tabs.map((tab) => tab.goto(`${run.stack.url}/dashboard/`)));
    for (const tab of tabs) await tab.getByText(SIGNED_IN).first().waitFor();
    expect(renewals).toBe(1);
    expect(await secondsLeft(second)).toBeGreaterThan(60);
    await second.close();
  });

  it('is renewed once, even if the second tab sees the new sign-in late', async () => {
    const second = await run.context.newPage();
    await second.goto(`${run.stack.url}/v1/health`);
    await seesWritesLate(second);
    await run.page.goto(`${run.stack.url}/v1/health`);
    await expireIn(run.page, 10);
    let renewals = 0;
    let answer = (): void => {};
    const mayAnswer = new Promise<void>((resolve) => {
      answer = resolve;
    });
    await run.context.route(endpoint, async (route) => {
      renewals++;
      await mayAnswer;
      await route.continue();
    });
    await run.page.goto(`${run.stack.url}/dashboard/`);
    while (renewals === 0) await run.page.waitForTimeout(20);
    await second.goto(`${run.stack.url}/dashboard/`);
    while (!(await second.evaluate<boolean>('window.isWaiting'))) await second.waitForTimeout(20);
    answer();
    for (const tab of [run.page, second]) await tab.getByText(SIGNED_IN).first().waitFor();
    expect(renewals).toBe(1);
    expect(await secondsLeft(second)).toBeGreaterThan(60);
    await second.close();
  });
});

/** Lets a tab see what other tabs write half a second after it was given their lock, as a slow computer may. */
const seesWritesLate = (page: Page): Promise<unknown> =>
  page.addInitScript(`{
    const { getItem } = Storage.prototype;
    const { request } = LockManager.prototype;
    const old = new Map(Object.keys(localStorage).map((name) => [name, getItem.call(localStorage, name)]));
    let isLate = true;
    window.isWaiting = false;
    Storage.prototype.getItem = function (name) {
      return isLate && old.has(name) ? old.get(name) : getItem.call(this, name);
    };
    LockManager.prototype.request = function (name, ...rest) {
      window.isWaiting = true;
      const work = rest.pop();
      return request.call(this, name, ...rest, (lock) => {
        setTimeout(() => {
          isLate = false;
          dispatchEvent(new StorageEvent('storage'));
        }, 500);
        return work(lock);
      });
    };
    addEventListener('storage', (event) => event.isTrusted && event.stopImmediatePropagation());
  }`);
