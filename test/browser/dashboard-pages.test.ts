import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
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

/** Resolves once the page has drawn its new colours, without those in between. */
const COLOURS_SETTLED = `new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn))).then(() =>
  Promise.allSettled(document.getAnimations()
    .filter((animation) => animation instanceof CSSTransition)
    .map(({ finished }) => finished)))
  .then(() => undefined)`;

/** Tables that are wider than their place, and rows that are no cards, by their names. */
const WIDE_TABLES = `[...document.querySelectorAll('main table')]
  .filter((table) =>
    table.parentElement.scrollWidth > table.parentElement.clientWidth ||
    [...table.querySelectorAll('tbody tr')].some((row) => getComputedStyle(row).display !== 'grid'))
  .map((table) => table.caption.textContent)`;

/** The violations that axe finds, one line each. */
const faults = async (rules: object = EVERY_RULE): Promise<readonly string[]> => {
  // It stays in a page until the page is left.
  if (!(await run.page.evaluate('"axe" in window'))) await run.page.evaluate(AXE);
  // Without `resultTypes` the answer would also have each element that is right.
  const options = JSON.stringify({ ...rules, resultTypes: ['violations'] });
  return run.page.evaluate<readonly string[]>(
    `axe.run(document, ${options}).then(({ violations }) => violations.flatMap(({ id, nodes }) =>
      nodes.map(({ html }) => id + ': ' + html.slice(0, 160))))`,
  );
};

/** The faults that a visit to each page has found, by page: none where it is as it should be. */
type Found = Record<string, readonly string[]>;

/**
 * Loads each page once, on a phone, and shows it then on a desktop, dark and light. The layout and the colours are all in
 * CSS, so that a page that was resized looks as one that was loaded so.
 */
const visitPages = async (): Promise<Readonly<Record<'light' | 'dark' | 'phone', Found>>> => {
  const found = { light: {} as Found, dark: {} as Found, phone: {} as Found };
  const note = (at: keyof typeof found, path: string, wrong: readonly string[]): void => {
    if (wrong.length > 0) found[at][path] = wrong;
  };
  for (const path of pages) {
    await run.page.setViewportSize(PHONE);
    await run.page.emulateMedia({ colorScheme: 'dark' });
    await open(path);
    const width = (await run.page.evaluate('document.documentElement.scrollWidth')) as number;
    note('phone', path, [
      ...(width > PHONE.width ? [`is ${width} wide`] : []),
      ...((await run.page.evaluate(WIDE_TABLES)) as string[]),
      ...(await faults()),
    ]);
    await run.page.setViewportSize(DESKTOP);
    note('dark', path, await faults(COLOURS));
    await run.page.emulateMedia({ colorScheme: 'light' });
    await run.page.evaluate(COLOURS_SETTLED);
    note('light', path, await faults());
  }
  await run.page.emulateMedia({ colorScheme: 'dark' });
  return found;
};

describeInBrowser('every page of the dashboard', () => {
  let found: Awaited<ReturnType<typeof visitPages>>;
  beforeAll(async () => {
    found = await visitPages();
  }, 180_000);

  it.each(['light', 'dark'] as const)('has no axe violations, %s', (colorScheme) => {
    expect(found[colorScheme]).toEqual({});
  });

  it('shows cards instead of wide tables on a phone, without horizontal scrolling or axe violations', () => {
    expect(found.phone).toEqual({});
  });

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
