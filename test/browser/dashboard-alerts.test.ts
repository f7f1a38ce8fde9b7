import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { mailsTo } from '../support/mail.ts';
import { fakeKey, makeTenant, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import {
  isSignedWith,
  makeCertificate,
  startReceiver,
  type WebhookReceiver,
} from '../support/webhook-receiver.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;
let receiver: WebhookReceiver;
let url: string;

beforeAll(async () => {
  const certificate = makeCertificate('IP:127.0.0.1');
  receiver = await startReceiver(certificate);
  url = `https://127.0.0.1:${receiver.port}/hook`;
  run = await startDashboard({
    stack: {
      webhooks: { ca: certificate.cert, isAllowed: (address) => address === '127.0.0.1', timeoutMs: 2_000 },
    },
    browser: { viewport: { width: 1280, height: 900 } },
  });
}, 120_000);
afterAll(async () => {
  await run?.close();
  await receiver?.close();
});
afterEach(() => receiver?.forget());

beforeEach(async () => {
  tenant = await makeTenant(run.stack, { name: 'Harbour Books' });
  expectSuccess(await putWorkspaceKey(run.stack, tenant, fakeKey()));
  await run.page.goto(`${run.stack.url}/dashboard/`);
  await run.page.evaluate('sessionStorage.clear()');
  await signIn(run, tenant.owner);
});

const open = (path: string): Promise<void> => openPage(run, tenant.workspaceId, path);
const button = (name: string | RegExp) =>
  run.page.getByRole('button', { name, exact: typeof name === 'string' });
const dialog = () => run.page.getByRole('dialog');
const suspend = () =>
  run.stack.call('POST', `/v1/workspaces/${tenant.workspaceId}/openai-key/suspend`, { as: tenant.owner });
const settle = async (): Promise<void> => {
  await run.stack.streams.drain();
  await run.stack.notices.drain();
};

describeInBrowser('an owner who sets alerts up', () => {
  it('verifies an address with the mailed code, and chooses the kinds of mail', async () => {
    const { page, stack } = run;
    const address = `ops-${tenant.workspaceId}@harbour.example`;
    await open('alerts');
    await page.getByLabel('Address for alerts').fill(address);
    await button('Save the address').click();
    await page.getByText('The address for alerts is saved.').waitFor();
    await page.getByText('No alert is mailed yet').waitFor();
    await button('Send a code').click();
    await page.getByText(`A code was sent to ${address}.`).waitFor();
    await stack.notices.drain();
    const code = /^\d{8}$/m.exec(mailsTo(stack, address).at(-1)?.text ?? '')?.[0] ?? '';
    const wrong = code === '00000000' ? '11111111' : '00000000';
    await page.getByLabel('Code from the email').fill(wrong);
    await button('Verify').click();
    await page.getByText('The code is wrong or has expired.').waitFor();
    await page.getByLabel('Code from the email').fill(code);
    await button('Verify').click();
    await page.getByText(`${address} is verified.`).waitFor();
    await page.getByLabel('Unusual use of a key').uncheck();
    await button('Save the choice').click();
    await page.getByText('The email alerts are saved.').waitFor();
    const path = `/v1/workspaces/${tenant.workspaceId}/mail-alerts`;
    const { events } = expectSuccess(await stack.call('GET', path, { as: tenant.owner }));
    expect(events).not.toContain('anomaly.detected');
    expect(events).toContain('key.suspended');
    await page.getByLabel('Unusual use of a key').check();
    const body = { events: ['key.suspended'] };
    expectSuccess(await stack.call('PATCH', path, { as: tenant.owner, body }));
    await button('Save the choice').click();
    await page.getByText('Another person changed this while you edited it: events.').waitFor();
    expect(expectSuccess(await stack.call('GET', path, { as: tenant.owner })).events).toEqual(body.events);
  });

  it('adds a webhook whose secret is shown once and signs its notices, and replaces the secret', async () => {
    const { page } = run;
    await open('alerts?tab=webhooks');
    await button('Add a webhook').click();
    await dialog().getByLabel('URL').fill(url);
    await dialog().getByLabel('Send every kind of notice').uncheck();
    await dialog().getByLabel('Session ended, with its receipt').uncheck();
    await dialog().getByRole('button', { name: 'Add', exact: true }).click();
    await dialog().getByText('Copy it now. It is not shown again.').waitFor();
    const first = (await dialog().locator('pre code').textContent()) ?? '';
    expect(first).toMatch(/^whsec_/);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    expect(await page.content()).not.toContain(first);
    await button(`Send a test to ${url}`).click();
    await page.getByText('A test is being sent.').waitFor();
    await run.stack.notices.drain();
    expect(receiver.received.map((notice) => isSignedWith(first, notice))).toEqual([true]);
    await button(`New secret for ${url}`).click();
    await dialog().getByRole('button', { name: 'Replace the secret' }).click();
    await dialog().getByText('Copy it now. It is not shown again.').waitFor();
    const second = (await dialog().locator('pre code').textContent()) ?? '';
    expect(second).not.toBe(first);
    await dialog().getByRole('button', { name: 'I have stored it' }).click();
    await page.getByText('Also signed with the previous secret until').waitFor();
    await button(`Remove ${url}`).click();
    await dialog().getByRole('button', { name: 'Remove the webhook' }).click();
    await page.getByText('No webhooks yet').waitFor();
  });

  it('finds a failed notice, reads the reason, and sends it again', async () => {
    const { page, stack } = run;
    const hooks = `/v1/workspaces/${tenant.workspaceId}/webhooks`;
    expectSuccess(await stack.call('POST', hooks, { as: tenant.owner, body: { url } }), 201);
    receiver.respondWith((response) => response.writeHead(500).end());
    expectSuccess(await suspend());
    await settle();
    const log = `/v1/workspaces/${tenant.workspaceId}/deliveries`;
    for (let attempt = 1; attempt < 11; attempt++) {
      const [delivery] = expectSuccess(await stack.call('GET', log, { as: tenant.owner })).items;
      stack.advance(Date.parse(delivery.next_attempt_at) - stack.now().getTime() + 1_500);
      await stack.notices.drain();
    }
    receiver.respondWith(undefined);
    receiver.forget();
    await run.page.evaluate('sessionStorage.clear()');
    await signIn(run, tenant.owner);
    await open('alerts?tab=deliveries&state=failed');
    const row = page.getByRole('table', { name: 'Deliveries, newest first' }).locator('tbody tr');
    await row.getByText('Given up').waitFor();
    const text = await row.textContent();
    expect(text).toContain('Key suspended');
    expect(text).toContain('Status 500. Your server did not return a success status.');
    expect(text).toContain('11 attempts');
    await row.getByRole('button', { name: /^Send again/ }).click();
    await page.getByText('The notice is being sent again.').waitFor();
    await stack.notices.drain();
    expect(receiver.received).toHaveLength(1);
    await open('alerts?tab=deliveries');
    await row.getByText('Delivered').waitFor();
  });
});
