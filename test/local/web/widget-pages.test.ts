import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type DemoSite, widgetPages } from '../../../local/web/widget-pages.ts';
import { buildWidget, type WidgetManifest } from '../../../web/widget/build.ts';

let server: Server;
let url: string;
let widget: WidgetManifest;
let demo: DemoSite | undefined;
beforeAll(async () => {
  widget = await buildWidget();
  const pages = await widgetPages(() => demo);
  server = createServer((request, response) => {
    if (!pages.some((serve) => serve(request, response))) response.writeHead(418).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterAll(() => {
  server.close();
});

describe('the widget in the local run', () => {
  it('is served to every origin, with immutable caching under its versioned name and no caching under its stable name', async () => {
    const versioned = await fetch(`${url}/widget/${widget.file}`);
    expect(versioned.status).toBe(200);
    expect(versioned.headers.get('cache-control')).toContain('immutable');
    expect(versioned.headers.get('access-control-allow-origin')).toBe('*');
    const stable = await fetch(`${url}/widget/spelo-voice.js`);
    expect(stable.headers.get('cache-control')).toBe('no-cache');
    expect(await stable.text()).toBe(await versioned.text());
    expect(await (await fetch(`${url}/widget/manifest.json`)).json()).toEqual(widget);
  });

  it('has a demo page once the demo site exists, with a strict policy that allows OpenAI', async () => {
    expect((await fetch(`${url}/widget/demo`)).status).toBe(503);
    demo = { siteId: 'demosite1', openAiBaseUrl: 'https://api.openai.com/v1' };
    const page = await fetch(`${url}/widget/demo`);
    const policy = page.headers.get('content-security-policy');
    expect(policy).toContain("connect-src 'self' https://api.openai.com;");
    expect(policy).not.toContain('unsafe');
    const html = await page.text();
    expect(html).toContain('<spelo-voice site-id="demosite1">');
    expect(html).toContain(`integrity="${widget.integrity}"`);
  });
});
