import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import type { Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, openPage, signIn, startDashboard } from './support/dashboard.ts';

let run: DashboardRun;
let tenant: Tenant;

beforeAll(async () => {
  run = await startDashboard({ browser: { viewport: { width: 1280, height: 900 } } });
  tenant = await makeKeyedTenant(run.stack, {}, { allowed_origins: [run.stack.url] });
  await signIn(run, tenant.owner);
}, 120_000);
afterAll(() => run?.close());

const field = (name: string) => run.page.getByLabel(name, { exact: true });

describeInBrowser('the conversation settings of a site in the dashboard', () => {
  it('are changed with the other settings, and shown as they are stored', async () => {
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}?tab=settings`);
    await run.page.getByText('Conversation', { exact: true }).click();
    await field('Who speaks first').selectOption('text');
    await field('First message').fill('Hello, how can I help you?');
    await field('The assistant answers').selectOption('server_vad');
    await field('Pause, milliseconds').fill('900');
    await field('While the assistant speaks').selectOption('finish');
    await field('Noise reduction').selectOption('far_field');
    await field('Captions of the visitor').selectOption('gpt-4o-mini-transcribe');
    await field('Language of the visitor').fill('DE');
    await field('Longest response, tokens').fill('2048');
    await field('Reasoning effort').selectOption('high');
    await run.page.getByRole('button', { name: 'Save' }).click();
    await run.page.getByText('Saved').first().waitFor();
    const site = await asOwner(run.stack, tenant, 'GET', `/v1/sites/${tenant.siteId}`);
    expect(site.conversation).toStrictEqual({
      turn_detection: {
        type: 'server_vad',
        threshold: 0.5,
        prefix_padding_ms: 300,
        silence_duration_ms: 900,
        interrupt_response: false,
      },
      noise_reduction: 'far_field',
      transcription: { model: 'gpt-4o-mini-transcribe', language: 'de' },
      speed: 1,
      max_output_tokens: 2_048,
      reasoning_effort: 'high',
      first_message: { type: 'text', text: 'Hello, how can I help you?' },
    });
  });

  it('show an error of the API next to its field', async () => {
    await field('Longest response, tokens').fill('9000');
    await run.page.locator('form').evaluate((form: { noValidate: boolean }) => {
      form.noValidate = true;
    });
    await run.page.getByRole('button', { name: 'Save' }).click();
    const message = await run.page.getByRole('alert').first().textContent();
    expect(message).toContain('4096');
  });

  it('show the price of each model', async () => {
    const options = await field('Model').locator('option').allTextContents();
    expect(options.find((option) => option.startsWith('gpt-realtime-2.1-mini'))).toMatch(
      /^gpt-realtime-2\.1-mini, \$\d+\.\d\d in, \$\d+\.\d\d out/,
    );
  });

  it('can be restored from former instructions, which the dialog compares with the current ones', async () => {
    const path = `/v1/sites/${tenant.siteId}`;
    await asOwner(run.stack, tenant, 'PATCH', path, { instructions: 'Sell fresh bread.' });
    await asOwner(run.stack, tenant, 'PATCH', path, { instructions: 'Sell old bread.' });
    await openPage(run, tenant.workspaceId, `sites/${tenant.siteId}?tab=settings`);
    await run.page.getByRole('button', { name: 'Former instructions' }).click();
    const version = run.page.getByRole('dialog').getByRole('listitem').first();
    await version.waitFor();
    expect(await version.locator('del').allTextContents()).toEqual(['fresh']);
    expect(await version.locator('ins').allTextContents()).toEqual(['old']);
    await version.getByRole('button', { name: 'Restore' }).click();
    await run.page.getByText('The former instructions of Shop site are restored.').waitFor();
    expect(await field('Instructions').inputValue()).toBe('Sell fresh bread.');
    expect(await asOwner(run.stack, tenant, 'GET', path)).toMatchObject({
      instructions: 'Sell fresh bread.',
    });
  });
});
