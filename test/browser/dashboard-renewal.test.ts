import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import type { Page } from 'playwright-core';
import { asOwner } from '../support/keyed-tenant.ts';
import { addMember } from '../support/people.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';
import { expireIn, secondsLeft, storedUsers } from './support/stored-sign-in.ts';

const CORS = { 'access-control-allow-origin': '*' };

let run: DashboardRun;
let tenant: Tenant;
let endpoint: string;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' });
  endpoint = `${run.stack.issuer.issuer}/token`;
}, 120_000);
afterAll(() => run?.close());

beforeEach(async () => {
  await run.page.goto(`${run.stack.url}/v1/health`);
  await run.page.evaluate('localStorage.clear(); sessionStorage.clear()');
  await signIn(run, tenant.owner, { keep: true });
  await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}`);
});
afterEach(() => run?.context.unrouteAll());

const instructionsOf = (page: Page) => page.getByLabel('Instructions', { exact: true });
const stored = async (): Promise<string> =>
  (await asOwner(run.stack, tenant, 'GET', `/v1/sites/${tenant.siteId}`)).instructions;
const save = async (page: Page, text: string): Promise<void> => {
  await instructionsOf(page).fill(text);
  await page.getByRole('button', { name: 'Save changes' }).click();
};
const saved = (page: Page) => page.getByText('Shop site is saved.').waitFor();

/** Counts the renewals at the issuer from now on. */
const countRenewals = async (): Promise<() => number> => {
  let renewals = 0;
  await run.context.route(endpoint, async (route) => {
    renewals++;
    await route.continue();
  });
  return () => renewals;
};

/** Types instructions, then signs in again as `sub`, because the issuer has refused to renew the sign-in. */
const signInAgainAs = async (
  sub: string,
  typed: string,
  meanwhile: () => Promise<unknown> = async () => undefined,
): Promise<void> => {
  await run.context.route(endpoint, (route) =>
    route.fulfill({ status: 400, json: { error: 'invalid_grant' }, headers: CORS }),
  );
  await expireIn(run.page, 10);
  await save(run.page, typed);
  await run.page.getByText('Your sign-in has ended.').waitFor();
  await run.context.unrouteAll();
  await run.page.getByRole('button', { name: 'Sign in again' }).first().click();
  await run.page.getByLabel('Sign in as').fill(sub);
  await meanwhile();
  await run.page.getByRole('button', { name: 'Continue' }).click();
  await instructionsOf(run.page).waitFor();
};

describeInBrowser('a sign-in that expires while the dashboard is in use', () => {
  it('is renewed once for all requests of a page, without leaving the page', async () => {
    const renewals = await countRenewals();
    await expireIn(run.page, 10);
    await save(run.page, 'Written with an expired token.');
    await saved(run.page);
    expect(await stored()).toBe('Written with an expired token.');
    expect(renewals()).toBe(1);
    expect(await secondsLeft(run.page)).toBeGreaterThan(60);
    expect(await run.page.getByText('You are signed out.').count()).toBe(0);
  });

  it('is renewed once for two tabs that are both in use', async () => {
    const second = await run.context.newPage();
    await second.goto(`${run.stack.url}/dashboard/w/${tenant.workspaceId}/settings`);
    await second.getByLabel('Name', { exact: true }).fill('Harbour Bookshop');
    const renewals = await countRenewals();
    await expireIn(run.page, 10);
    await Promise.all([
      save(run.page, 'Written in the first tab.'),
      second.getByRole('button', { name: 'Save changes' }).click(),
    ]);
    await Promise.all([
      saved(run.page),
      second.getByText('The settings of Harbour Bookshop are saved.').waitFor(),
    ]);
    expect(renewals()).toBe(1);
    expect(await stored()).toBe('Written in the first tab.');
    await second.close();
  });

  it('ends with a message if the issuer refuses, and the unsaved edits are restored after the next sign-in', async () => {
    await run.context.route(endpoint, (route) =>
      route.fulfill({ status: 400, json: { error: 'invalid_grant' }, headers: CORS }),
    );
    await expireIn(run.page, 10);
    const before = await stored();
    await save(run.page, 'Typed before the sign-in ended.');
    await run.page.getByText('Your sign-in has ended.').waitFor();
    expect(await storedUsers(run.page)).toBe(0);
    expect(await instructionsOf(run.page).inputValue()).toBe('Typed before the sign-in ended.');
    expect(await stored()).toBe(before);

    await run.context.unrouteAll();
    const asked: string[] = [];
    run.page.on('dialog', (dialog) => {
      asked.push(dialog.type());
      void dialog.accept();
    });
    await run.page.getByRole('button', { name: 'Sign in again' }).first().click();
    await run.page.getByLabel('Sign in as').fill(tenant.owner);
    await run.page.getByRole('button', { name: 'Continue' }).click();
    await instructionsOf(run.page).waitFor();
    expect(new URL(run.page.url()).pathname).toBe(
      `/dashboard/w/${tenant.workspaceId}/sites/${tenant.siteId}`,
    );
    expect(await instructionsOf(run.page).inputValue()).toBe('Typed before the sign-in ended.');
    expect(asked).toEqual([]);
    // The person is still kept signed in on this device.
    expect(await storedUsers(run.page)).toBe(1);
    await run.page.getByRole('button', { name: 'Save changes' }).click();
    await saved(run.page);
    expect(await stored()).toBe('Typed before the sign-in ended.');
  });

  it('that has ended in two tabs is restored in both by a sign-in in one of them', async () => {
    const second = await run.context.newPage();
    await second.goto(run.page.url());
    await instructionsOf(second).waitFor();
    await run.context.route(endpoint, (route) =>
      route.fulfill({ status: 400, json: { error: 'invalid_grant' }, headers: CORS }),
    );
    await expireIn(run.page, 10);
    await save(run.page, 'Typed in the first tab.');
    await run.page.getByText('Your sign-in has ended.').waitFor();
    await save(second, 'Typed in the second tab.');
    const banner = second.getByText('Your sign-in has ended.');
    await banner.waitFor();
    await run.context.unrouteAll();
    await run.page.getByRole('button', { name: 'Sign in again' }).first().click();
    await run.page.getByLabel('Sign in as').fill(tenant.owner);
    await run.page.getByRole('button', { name: 'Continue' }).click();
    await banner.waitFor({ state: 'detached' });
    await second.getByRole('button', { name: 'Save changes' }).click();
    await saved(second);
    expect(await stored()).toBe('Typed in the second tab.');
    await second.close();
  });

  it("ends, and the restored edits replace another person's changes only after a warning", async () => {
    const path = `/v1/sites/${tenant.siteId}`;
    const before = await stored();
    await signInAgainAs(tenant.owner, `${before} And mine.`, () =>
      asOwner(run.stack, tenant, 'PATCH', path, { instructions: 'Theirs.' }),
    );
    expect(await instructionsOf(run.page).inputValue()).toBe(`${before} And mine.`);
    await run.page.getByRole('button', { name: 'Save changes' }).click();
    await run.page.getByText('Another person changed this while you edited it: instructions.').waitFor();
    expect(await stored()).toBe('Theirs.');
    await run.page.getByRole('button', { name: 'Save changes' }).click();
    await saved(run.page);
    expect(await stored()).toBe(`${before} And mine.`);
  });

  it('ends, and another person who signs in does not get the unsaved edits', async () => {
    const before = await stored();
    await signInAgainAs(await addMember(run.stack, tenant, 'admin'), 'Typed by the owner.');
    expect(await instructionsOf(run.page).inputValue()).toBe(before);
    const kept = await run.page.evaluate<string>('JSON.stringify({ ...sessionStorage })');
    expect(kept).not.toContain('Typed by the owner.');
  });
});
