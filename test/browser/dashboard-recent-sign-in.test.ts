import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
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

/** Replaces the access token of this tab by one of a sign-in of a day ago. */
const age = async (): Promise<void> => {
  const token = await run.stack.issuer.issue({
    sub: tenant.owner,
    expiresInSeconds: 3_600,
    claims: { auth_time: Math.floor(Date.now() / 1_000) - 86_400 },
  });
  await run.page.evaluate(
    `for (const name of Object.keys(sessionStorage).filter((key) => key.startsWith('oidc.user:')))
       sessionStorage.setItem(name, JSON.stringify({ ...JSON.parse(sessionStorage.getItem(name)), access_token: ${JSON.stringify(token)} }))`,
  );
};

describeInBrowser('a person who signed in long ago', () => {
  it('signs in again to add an origin, and returns to the unsaved form', async () => {
    const { page, stack } = run;
    await signIn(run, tenant.owner);
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}`);
    await age();
    await page.reload();
    await page.getByLabel('Instructions').fill('Speak like a bookseller.');
    await page.getByPlaceholder('https://www.example.com').fill('https://new.example');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Save changes' }).click();
    await page.getByText('This change requires a recent sign-in').waitFor();
    expect(await page.getByText('You are signed out.').count()).toBe(0);
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByLabel('Sign in as').fill(tenant.owner);
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.getByText('https://new.example').first().waitFor();
    expect(await page.getByLabel('Instructions').inputValue()).toBe('Speak like a bookseller.');
    await page.getByRole('button', { name: 'Save changes' }).click();
    await page.getByText('Shop site is saved.').waitFor();
    const site = expectSuccess(await stack.call('GET', `/v1/sites/${tenant.siteId}`, { as: tenant.owner }));
    expect(site.allowed_origins).toContain('https://new.example');
    expect(site.instructions).toBe('Speak like a bookseller.');
  });

  it('keeps the form if the new sign-in cannot start, and is asked before the form is lost', async () => {
    const { page, context, stack } = run;
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}`);
    await page.getByLabel('Instructions').waitFor();
    await age();
    await page.reload();
    await page.getByLabel('Instructions').fill('Speak like a sailor.');
    await page.getByPlaceholder('https://www.example.com').fill('https://other.example');
    await page.getByRole('button', { name: 'Add', exact: true }).click();
    await page.getByRole('button', { name: 'Save changes' }).click();
    await page.getByText('This change requires a recent sign-in').waitFor();
    await context.route(`${stack.issuer.issuer}/**`, (route) => route.abort());
    await page.getByRole('button', { name: 'Sign in again' }).click();
    await page.getByText('The sign-in service could not be reached.').waitFor();
    await context.unrouteAll();
    const drafts = "Object.keys(sessionStorage).filter((key) => key.startsWith('spelo.draft'))";
    expect(await page.evaluate(drafts)).toEqual([]);
    expect(await page.getByLabel('Instructions').inputValue()).toBe('Speak like a sailor.');
    const isAsked = `!dispatchEvent(new Event('beforeunload', { cancelable: true }))`;
    expect(await page.evaluate(isAsked)).toBe(true);
  });

  it('can open an invitation with a damaged code', async () => {
    const { page, stack } = run;
    await page.goto(`${stack.url}/dashboard/invitation#inv_%E0%A4%A`);
    await page.getByRole('button', { name: 'Show the invitation' }).waitFor();
    expect(await page.getByLabel('Code').inputValue()).toBe('inv_%E0%A4%A');
  });
});
