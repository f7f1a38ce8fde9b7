import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { AxeResults } from 'axe-core';
import { expectSuccess } from '../support/answers.ts';
import { fakeKey, makeTenant, mint, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

const AXE = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8');
const DESKTOP = { width: 1280, height: 900 };
const PHONE = { width: 390, height: 844 };

/** Bytes over the wire until a signed-in person sees the first page, font included. */
const FIRST_LOAD_LIMIT = 206 * 1_024;

let run: DashboardRun;
let tenant: Tenant;
let pages: readonly string[];

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: DESKTOP, colorScheme: 'light' } });
  const { stack } = run;
  const tools = [{ name: 'open_cart', description: 'Opens the cart.' }];
  tenant = await makeTenant(stack, { name: 'Harbour Books' }, { allowed_origins: [stack.url], tools });
  await putWorkspaceKey(stack, tenant, fakeKey());
  await mint(stack, tenant, {}, stack.url);
  await mint(stack, tenant, {}, 'https://elsewhere.example');
  const workspace = `/v1/workspaces/${tenant.workspaceId}`;
  const budget = { period: 'day', amount_usd: 1, action: 'notify' };
  const hook = { url: 'https://receiver.example/hook' };
  const as = tenant.owner;
  expectSuccess(await stack.call('PUT', `${workspace}/budget`, { as, body: budget }));
  expectSuccess(await stack.call('PUT', `/v1/sites/${tenant.siteId}/budget`, { as, body: budget }));
  expectSuccess(await stack.call('PATCH', workspace, { as, body: { alert_email: 'ops@harbour.example' } }));
  const { webhook_id } = expectSuccess(
    await stack.call('POST', `${workspace}/webhooks`, { as, body: hook }),
    201,
  );
  expectSuccess(await stack.call('POST', `${workspace}/webhooks/${webhook_id}/test`, { as }), 202);
  const invited = { email: 'ada@customer.example', role: 'viewer' };
  expectSuccess(await stack.call('POST', `${workspace}/invitations`, { as, body: invited }), 201);
  await stack.streams.drain();
  await signIn(run, tenant.owner);
  const site = `sites/${tenant.siteId}`;
  pages = [
    'home',
    'billing',
    'voice',
    'sites',
    'sites/new',
    site,
    `${site}?tab=embed`,
    `${site}?tab=functions`,
    `${site}?tab=visitors`,
    `${site}?tab=key`,
    'usage',
    'usage?tab=live',
    'usage?tab=sessions',
    'usage?tab=errors',
    'usage?tab=concurrency',
    'budgets',
    'alerts',
    'alerts?tab=webhooks',
    'alerts?tab=deliveries',
    'audit',
    'calculator',
    'members',
    'settings',
  ];
}, 120_000);
afterAll(() => run?.close());

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);

const EVERY_RULE = {
  runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'],
};
/** The same page in other colours: nothing else can differ. */
const COLOURS = { runOnly: { type: 'rule', values: ['color-contrast', 'link-in-text-block'] } };

/** Tables that are wider than their place, and rows that are no cards, by their names. */
const WIDE_TABLES = `[...document.querySelectorAll('main table')]
  .filter((table) =>
    table.parentElement.scrollWidth > table.parentElement.clientWidth ||
    [...table.querySelectorAll('tbody tr')].some((row) => getComputedStyle(row).display !== 'grid'))
  .map((table) => table.caption.textContent)`;

/** The violations that axe finds, one line each. */
const faults = async (rules: object = EVERY_RULE): Promise<readonly string[]> => {
  await run.page.evaluate(AXE);
  const script = `axe.run(document, ${JSON.stringify(rules)})`;
  const { violations } = (await run.page.evaluate(script)) as AxeResults;
  return violations.flatMap(({ id, nodes }) => nodes.map(({ html }) => `${id}: ${html.slice(0, 160)}`));
};

describeInBrowser('every page of the dashboard', () => {
  it.each([
    ['light', EVERY_RULE],
    ['dark', COLOURS],
  ] as const)(
    'has no axe violations, %s',
    async (colorScheme, rules) => {
      await run.page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
      const found: Record<string, readonly string[]> = {};
      for (const path of pages) {
        await open(path);
        const inPage = await faults(rules);
        if (inPage.length > 0) found[path] = inPage;
      }
      expect(found).toEqual({});
    },
    120_000,
  );

  it('has no axe violations before the sign-in, on the first run, and in dialogs', async () => {
    const { page, stack } = run;
    await open('billing');
    await page.getByRole('button', { name: 'Delete' }).click();
    expect(await faults()).toEqual([]);
    for (const plain of ['new-workspace', 'invitation']) {
      await page.goto(`${stack.url}/dashboard/${plain}`);
      await page.getByRole('heading', { level: 1 }).waitFor();
      expect(await faults()).toEqual([]);
    }
    await page.evaluate('sessionStorage.clear()');
    await page.goto(`${stack.url}/dashboard/`);
    await page.getByRole('button', { name: 'Sign in' }).waitFor();
    expect(await faults()).toEqual([]);
    await signIn(run, tenant.owner);
  });

  it('shows cards instead of wide tables on a phone, without horizontal scrolling or axe violations', async () => {
    await run.page.setViewportSize(PHONE);
    const wide: string[] = [];
    for (const path of pages) {
      await open(path);
      const width = (await run.page.evaluate('document.documentElement.scrollWidth')) as number;
      if (width > PHONE.width) wide.push(`${path}: ${width}`);
      for (const table of (await run.page.evaluate(WIDE_TABLES)) as string[]) wide.push(`${path}: ${table}`);
      for (const fault of await faults()) wide.push(`${path}: ${fault}`);
    }
    await run.page.setViewportSize(DESKTOP);
    expect(wide).toEqual([]);
  }, 120_000);

  it('can be used with the keyboard only: skip link, page, dialog and back', async () => {
    const { page } = run;
    await open('billing');
    await page.keyboard.press('Tab');
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to main content');
    await page.keyboard.press('Enter');
    await page.getByRole('button', { name: 'Suspend' }).focus();
    await page.keyboard.press('Enter');
    await page.getByRole('dialog').waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('dialog').waitFor({ state: 'detached' });
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Suspend');
  });

  it('stays within its size limit until the first page is shown', async () => {
    const { page, context } = run;
    const fresh = await context.newPage();
    const sizes = new Map<string, Promise<number>>();
    fresh.on('response', (response) => {
      const { pathname } = new URL(response.url());
      if (pathname.startsWith('/dashboard/'))
        sizes.set(
          pathname,
          response.body().then((body) => (pathname.endsWith('.woff2') ? body.length : gzipSync(body).length)),
        );
    });
    const kept = (await page.evaluate('JSON.stringify(sessionStorage)')) as string;
    await fresh.addInitScript(`Object.entries(${kept}).forEach(([k, v]) => sessionStorage.setItem(k, v))`);
    await fresh.goto(`${run.stack.url}/dashboard/w/${tenant.workspaceId}/home`);
    await fresh.getByText('This month').waitFor();
    await fresh.getByRole('list', { name: 'Stored keys' }).waitFor();
    const bytes = (await Promise.all(sizes.values())).reduce((sum, size) => sum + size, 0);
    await fresh.close();
    process.stdout.write(
      `First load of the dashboard: ${(bytes / 1_024).toFixed(1)} KiB gzipped, font included\n`,
    );
    expect(bytes).toBeLessThanOrEqual(FIRST_LOAD_LIMIT);
    expect([...sizes.keys()].filter((path) => path.includes('/charts'))).toEqual([]);
  });
});
