import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { WidgetManifest } from '../../../web/widget/build.ts';

export interface HostPage {
  /** `http://localhost:PORT`: a secure context to a browser, and a foreign origin to the broker. */
  readonly origin: string;
  /** The page with one element of the site, and these attributes on it. */
  url(siteId: string, attributes?: string): string;
  /** The page that has nothing but the script tag. */
  scriptOnlyUrl(siteId: string): string;
  /** A page of any kind, without the policy of the others unless its headers have one. */
  show(html: string, headers?: Readonly<Record<string, string>>): string;
  close(): Promise<void>;
}

/**
 * Another company's site that embeds the widget, under the strictest policy that docs/widget.md supports. The widget
 * always runs in pages that are not ours.
 */
export const startHostPage = async (
  broker: string,
  openAiBaseUrl: string,
  { file, integrity }: Pick<WidgetManifest, 'file' | 'integrity'>,
): Promise<HostPage> => {
  const policy = [
    "default-src 'none'",
    `script-src ${broker}/widget/`,
    `connect-src ${broker} ${new URL(openAiBaseUrl).origin}`,
    'img-src data:',
    "require-trusted-types-for 'script'",
    'trusted-types',
  ].join('; ');
  const shown: { readonly html: string; readonly headers: Readonly<Record<string, string>> }[] = [];
  const server = createServer((request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '/', 'http://localhost');
    const page = shown[Number(/^\/shown\/(\d+)$/.exec(pathname)?.[1] ?? -1)];
    if (page !== undefined) {
      response.writeHead(200, { 'content-type': 'text/html; charset=utf-8', ...page.headers });
      response.end(
        `<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">${page.html}`,
      );
      return;
    }
    const siteId = searchParams.get('site') ?? '';
    const data = pathname === '/script' ? ` data-site-id="${siteId}"` : '';
    const element =
      pathname === '/script'
        ? ''
        : `<spelo-voice site-id="${siteId}" ${searchParams.get('with') ?? ''}></spelo-voice>`;
    response.writeHead(200, {
      'content-type': 'text/html; charset=utf-8',
      'content-security-policy': policy,
    });
    response.end(`<!doctype html><html lang="en"><title>Shop</title><link rel="icon" href="data:,">
<script src="${broker}/widget/${file}" integrity="${integrity}" crossorigin="anonymous"${data}></script>
<main><h1>Shop</h1>${element}</main></html>`);
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  const origin = `http://localhost:${(server.address() as AddressInfo).port}`;
  return {
    origin,
    url: (siteId, attributes = '') => `${origin}/?${new URLSearchParams({ site: siteId, with: attributes })}`,
    scriptOnlyUrl: (siteId) => `${origin}/script?site=${siteId}`,
    show: (html, headers = {}) => `${origin}/shown/${shown.push({ html, headers }) - 1}`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
};
