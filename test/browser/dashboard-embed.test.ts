import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { fakeKey, makeTenant, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type DashboardRun, signIn, startDashboard } from './support/dashboard.ts';
import { type Visitor, visit } from './support/visitor.ts';

let run: DashboardRun;
let tenant: Tenant;
let shop: Server;
let page = { html: '', policy: '' };

const shopUrl = (): string => `http://localhost:${(shop.address() as AddressInfo).port}`;
const snippet = async (card: string): Promise<string> =>
  (await run.page.getByRole('region', { name: card }).locator('pre').textContent()) ?? '';

/** A visitor of the shop, whose page has the code and the policy that the dashboard shows. */
const visitShop = async (): Promise<Visitor> => {
  page = {
    html: await snippet('Put it on your pages'),
    policy: (await snippet('Content-Security-Policy')).replace('\n', '; '),
  };
  return visit(run.context, shopUrl());
};

describeInBrowser('the Embed page of a site', () => {
  beforeAll(async () => {
    run = await startDashboard();
    shop = createServer((_, response) => {
      response.writeHead(200, {
        'content-type': 'text/html; charset=utf-8',
        'content-security-policy': `default-src 'none'; img-src data:; ${page.policy}`,
      });
      response.end(
        `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">${page.html}`,
      );
    });
    await new Promise<void>((resolve) => shop.listen(0, 'localhost', resolve));
    tenant = await makeTenant(run.stack, {}, { allowed_origins: [shopUrl()] });
    await putWorkspaceKey(run.stack, tenant, fakeKey());
    await signIn(run, tenant.owner);
    await run.page.goto(
      `${run.stack.url}/dashboard/w/${tenant.workspaceId}/sites/${tenant.siteId}?tab=embed`,
    );
    await run.page.getByRole('heading', { name: 'Look' }).waitFor();
  });
  afterAll(async () => {
    await run?.close();
    shop?.closeAllConnections();
    shop?.close();
  });

  it('shows the chosen settings in the preview and in the code', async () => {
    await run.page.getByLabel('Text of the button').fill('Ask "us"');
    await run.page.getByLabel('Position').selectOption('top-left');
    await run.page.getByLabel('Theme').selectOption('dark');
    await run.page.getByLabel('Language').selectOption('de');
    await run.page.getByLabel('Colour').fill('#ffd400');
    const preview = run.page.getByRole('region', { name: 'Preview' }).locator('spelo-voice');
    await preview.getByRole('button', { name: 'Ask "us"' }).waitFor();
    expect(
      await preview
        .getByRole('button')
        .evaluate((element) => Reflect.get(globalThis, 'getComputedStyle')(element).backgroundColor),
    ).toBe('rgb(255, 212, 0)');
    const code = await snippet('Put it on your pages');
    for (const attribute of [
      'data-label="Ask &quot;us&quot;"',
      'data-position="top-left"',
      'data-theme="dark"',
      'data-lang="de"',
      'data-accent="#ffd400"',
    ])
      expect(code).toContain(attribute);
    await run.page.getByRole('button', { name: 'Default colour' }).click();
    expect(await snippet('Put it on your pages')).not.toContain('accent');
  });

  it('gives code and a content security policy that work for a call, in the chosen language', async () => {
    const visitor = await visitShop();
    await visitor.button('Ask "us"').click();
    await visitor.button('Zustimmen und starten').click();
    await visitor.widget.locator('[part~=caption-assistant]').first().waitFor();
    await visitor.button('Auflegen').click();
    await visitor.reaches('ended');
    expect(visitor.console).toEqual([]);
    await visitor.page.close();
  });

  it('gives a tag manager code without attributes that the tag manager would remove', async () => {
    await run.page.getByText('Tag manager').click();
    expect(await snippet('Put it on your pages')).toContain("script.setAttribute('data-site-id'");
    page = {
      html: await snippet('Put it on your pages'),
      policy: "script-src * 'unsafe-inline'; connect-src *",
    };
    const visitor = await visit(run.context, shopUrl());
    await visitor.button('Ask "us"').waitFor();
    expect(await visitor.widget.getAttribute('position')).toBe('top-left');
    await visitor.page.close();
  });
});
