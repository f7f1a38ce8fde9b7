import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { secretFinder } from '../support/find-secret.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { fakeKey } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, documentStep, signIn, startDashboard } from './support/dashboard.ts';

const MINUTE = 60_000;

/** Run in the page: storage of every kind, and what stands in fields without being in the markup. */
const EVERYTHING_KEPT = `(async () => JSON.stringify({
  local: localStorage,
  session: sessionStorage,
  databases: await indexedDB.databases(),
  caches: await caches.keys(),
  fields: [...document.querySelectorAll('input, textarea')].map(({ value }) => value),
}))()`;

/** The end of a key, and what the dashboard must say about it: the code of the verdict, and where it is put right. */
const REFUSED_KEYS: readonly (readonly [string, string, RegExp])[] = [
  ['revoked', 'key_invalid', /Create new secret key/],
  ['expired', 'key_expired', /later expiry/],
  ['readonly', 'missing_permission', /Model capabilities “Request”/],
  ['wrongregion', 'wrong_region', /data residency/],
  ['badip', 'ip_not_authorized', /IP allowlist/],
  ['nocountry', 'country_not_supported', /AWS region/],
  ['noorg', 'not_a_member', /service-account key/],
  ['nocredit', 'quota_exhausted', /add credit/],
  ['spendlimit', 'spend_limit_reached', /raise the spend limit/],
];

let run: DashboardRun;
let workspaceUrl: string;
const canary = fakeKey();

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1180, height: 780 }, colorScheme: 'light' } });
}, 120_000);
afterAll(() => run?.close());

const button = (name: string | RegExp) =>
  run.page.getByRole('button', { name, exact: typeof name === 'string' });
const open = async (path: string): Promise<void> => {
  await run.page.goto(`${workspaceUrl}/${path}`);
  await run.page.getByRole('heading', { level: 1 }).waitFor();
};
/** Every whole key that was pasted, by its place in the order. */
const pasted: Record<string, string> = {};
const pasteKey = async (key: string): Promise<void> => {
  if (key.startsWith('sk-proj-')) pasted[`key ${Object.keys(pasted).length}`] = key;
  const field = run.page.getByLabel(/OpenAI API key/);
  await field.fill(key);
  await button(/^Test and/).click();
};

describeInBrowser('the dashboard', () => {
  it('signs in with authorization code and PKCE, and keeps the token only in the tab', async () => {
    await signIn(run, 'maria');
    await run.page.getByRole('heading', { name: 'Create your workspace' }).waitFor();
    const asked = run.requests.map(({ url }) => url).find((url) => url.includes('/authorize?')) ?? '';
    expect(new URL(asked).searchParams.get('code_challenge_method')).toBe('S256');
    expect(await run.page.evaluate('JSON.stringify(localStorage)')).toBe('{}');
    expect(await run.page.evaluate('JSON.stringify(sessionStorage)')).toContain('access_token');
  });

  it('creates the first workspace', async () => {
    await documentStep(run, '1-workspace');
    await run.page.getByLabel('Name').fill('Harbour Books');
    await run.page.getByLabel('Your OpenAI usage tier').selectOption('2');
    await button('Create workspace').click();
    await run.page.getByRole('heading', { name: 'Home', level: 1 }).waitFor();
    workspaceUrl = run.page.url().replace(/\/home$/, '');
    const steps = run.page.getByRole('list', { name: 'Next steps' });
    await steps.getByRole('link', { name: 'Store your OpenAI key' }).click();
    await run.page.getByRole('heading', { name: 'Billing', level: 1 }).waitFor();
  });

  it('reports immediately and without a request that a pasted text is not an API key', async () => {
    const before = run.requests.length;
    for (const [text, why] of [
      [`sk-admin-${'a'.repeat(40)}`, /admin key/],
      [`ek_${'a'.repeat(40)}`, /short-lived client secret/],
      ['my key', /does not look like an OpenAI API key/],
    ] as const) {
      await pasteKey(text);
      await run.page.getByRole('alert').filter({ hasText: why }).waitFor();
    }
    expect(run.requests.slice(before).filter(({ method }) => method === 'PUT')).toEqual([]);
  });

  it.each(REFUSED_KEYS)(
    'reports a key that ends in %s as %s, and says where to fix it',
    async (suffix, code, step) => {
      // Ten probes a minute is what a workspace may spend.
      run.stack.advance(10_000);
      await pasteKey(fakeKey(suffix));
      const refusal = run.page.getByRole('alert').filter({ hasText: code });
      await refusal.waitFor();
      const text = (await refusal.textContent()) ?? '';
      expect(text).toContain('This key was not stored.');
      expect(text).toMatch(step);
      expect(text).toContain('Request ID');
      expect(await run.page.getByLabel(/OpenAI API key/).inputValue()).toBe('');
    },
  );

  it('stores a good key and shows only its mask afterwards', async () => {
    run.stack.advance(MINUTE);
    await pasteKey(canary);
    await run.page
      .getByText(`sk-proj-...${canary.slice(-4)}`)
      .first()
      .waitFor();
    await run.page.getByText('The key works.').waitFor();
    await documentStep(run, '2-key');
  });

  it('replaces, rolls back, rotates, suspends and resumes the key, and shows its history', async () => {
    await button('Replace').click();
    const second = fakeKey();
    await pasteKey(second);
    await run.page
      .getByText(`sk-proj-...${second.slice(-4)}`)
      .first()
      .waitFor();
    await button(`Roll back to version 1 (…${canary.slice(-4)})`).click();
    await run.page.getByRole('dialog').getByRole('button', { name: 'Roll back' }).click();
    await run.page
      .getByText(`sk-proj-...${canary.slice(-4)}`)
      .first()
      .waitFor();
    await button('Rotate').click();
    await run.page.getByRole('dialog').getByRole('button', { name: 'Rotate' }).click();
    await run.page.getByText('Re-encrypted with a new data key.').waitFor();
    await button('Suspend').click();
    await run.page.getByRole('dialog').getByRole('button', { name: 'Suspend' }).click();
    await run.page.getByText('Voice is switched off: this key is suspended.').waitFor();
    await button('Resume').click();
    await button('Suspend').waitFor();
    await run.page.getByText('Version history').click();
    const history = run.page.getByRole('table', { name: 'Versions of this key' });
    await history.getByText('Rotated').first().waitFor();
    expect(await history.getByRole('row').count()).toBeGreaterThanOrEqual(4);
  });

  it('explains a change of the mode before it happens, and again for the change back', async () => {
    await putPlatformKey(run.stack, fakeKey());
    await run.page.reload();
    await button('Switch to managed').click();
    const dialog = run.page.getByRole('dialog', { name: 'Switch to managed?' });
    expect(await dialog.textContent()).toContain('your plan’s minutes count');
    await dialog.getByRole('button', { name: 'Switch' }).click();
    await button('Switch to your own key').click();
    const back = run.page.getByRole('dialog', { name: 'Switch to your own OpenAI key?' });
    expect(await back.textContent()).toContain('We never fall back to our own key');
    await back.getByRole('button', { name: 'Switch' }).click();
    await button('Switch to managed').waitFor();
  });

  it('explains why an origin would be refused, and creates a site with a valid one', async () => {
    await open('sites');
    await run.page.getByText('No sites yet').waitFor();
    await run.page.getByRole('link', { name: 'New site' }).first().click();
    await run.page.getByLabel('Name').fill('Web shop');
    const origin = run.page.getByLabel('Allowed origins');
    await origin.fill('http://www.harbour.example/shop');
    await run.page.getByText('This origin would be refused.').waitFor();
    await button('Add https://www.harbour.example instead').click();
    await origin.fill('https://*.harbour.example');
    await run.page.getByText('Covers every subdomain').waitFor();
    await button('Add').click();
    await documentStep(run, '3-site');
    await button('Create site').click();
    await run.page.getByText('Put it on your pages').waitFor();
    const snippet = run.page.locator('pre').first();
    await snippet.getByText('data-site-id=').waitFor();
    expect(await snippet.textContent()).toMatch(/integrity="sha384-/);
    await documentStep(run, '4-embed');
  });

  it("stores a site's own key, and shows the override on the page of keys", async () => {
    await run.page.getByRole('tab', { name: 'OpenAI key' }).click();
    const own = fakeKey();
    await pasteKey(own);
    await run.page
      .getByText(`sk-proj-...${own.slice(-4)}`)
      .first()
      .waitFor();
    await open('billing');
    await run.page
      .getByRole('row', { name: /Web shop/ })
      .getByText('Own key')
      .waitFor();
  });

  it('deletes a key only after its last four characters are typed', async () => {
    await run.page.getByRole('link', { name: 'Web shop' }).click();
    await run.page.getByRole('heading', { name: 'OpenAI key of this site' }).waitFor();
    await button('Delete').click();
    const dialog = run.page.getByRole('dialog', { name: 'Delete this key?' });
    const confirm = dialog.getByRole('button', { name: 'Delete the key' });
    expect(await confirm.isDisabled()).toBe(true);
    const label = (await dialog.getByText(/^Type “/).textContent()) ?? '';
    await dialog.getByRole('textbox').fill(label.replace(/^Type “(.*)”.*$/, '$1'));
    await confirm.click();
    await run.page.getByRole('button', { name: 'Test and store' }).waitFor();
  });

  it('verifies and filters the audit trail', async () => {
    await run.stack.streams.drain();
    await open('audit');
    const trail = run.page.getByRole('table', { name: 'Audit trail' });
    await trail.getByText('OpenAI key suspended').waitFor();
    await button('Verify the chain').click();
    await run.page.getByText(/^Intact: all \d+ rows are as they were written\.$/).waitFor();
    await run.page.getByLabel('What', { exact: true }).selectOption('key.stored');
    await trail.getByText('OpenAI key suspended').waitFor({ state: 'detached' });
    await button(/^Details of row/)
      .first()
      .click();
    expect(await run.page.getByRole('dialog').textContent()).toContain('Hash of this row');
  });

  it('has sent each pasted key in one API request only, and stored it nowhere', async () => {
    const finder = secretFinder(pasted);
    const carriers = run.requests.flatMap(({ method, url, text }) => {
      const secrets = new Set(finder.find(text + url).map(({ secret }) => secret));
      return [...secrets].map((secret) => `${secret}: ${method} ${new URL(url).pathname.split('/').at(-1)}`);
    });
    expect(carriers).toEqual(Object.keys(pasted).map((name) => `${name}: PUT openai-key`));
    const left: string = await run.page.evaluate(EVERYTHING_KEPT);
    expect(finder.find(left)).toEqual([]);
    expect(finder.find(await run.page.content())).toEqual([]);
    expect(finder.find(JSON.stringify(await run.context.cookies()))).toEqual([]);
    expect(finder.find(run.console.join('\n'))).toEqual([]);
  });

  it('has connected only to its own origin and the sign-in service, within its content security policy', () => {
    const hosts = new Set(run.requests.map(({ url }) => new URL(url).origin));
    expect([...hosts].sort()).toEqual([run.stack.issuer.issuer, run.stack.url].sort());
    expect(run.console.filter((line) => !line.includes('the server responded with a status of'))).toEqual([]);
  });
});
