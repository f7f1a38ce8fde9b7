import type { IncomingMessage } from 'node:http';
import { buildWidget, WIDGET_FOLDER, type WidgetManifest } from '../../web/widget/build.ts';
import { pageHeaders, staticFiles, type WebHandler } from './static-files.ts';

/** The site that the demo page shows; read at each request, because the demo is made after the server has started. */
export interface DemoSite {
  readonly siteId: string;
  /** Where the browser sends its call: OpenAI, or the stand-in. */
  readonly openAiBaseUrl: string;
}

const DEMO_PATH = '/widget/demo';
const DEMO_FILES = `${import.meta.dirname}/demo`;

let built: Promise<WidgetManifest> | undefined;

/** The widget, built from its sources once in a process. */
export const widgetOfProcess = (): Promise<WidgetManifest> => {
  built ??= buildWidget();
  return built;
};

/** Builds the widget, which takes milliseconds, then serves it and a page that embeds it. */
export const widgetPages = async (demoSite: () => DemoSite | undefined): Promise<readonly WebHandler[]> => {
  const { file, integrity } = await widgetOfProcess();
  return [
    (request, response) => {
      if (pathOf(request) !== DEMO_PATH) return false;
      const site = demoSite();
      response.writeHead(site === undefined ? 503 : 200, {
        ...pageHeaders(demoPolicy(site)),
        'permissions-policy': 'microphone=(self)',
        'content-type': 'text/html; charset=utf-8',
        'cache-control': 'no-store',
      });
      response.end(site === undefined ? 'Starting.' : demoPage(site.siteId, file, integrity));
      return true;
    },
    staticFiles({ mount: '/widget/demo-files/', root: DEMO_FILES }),
    staticFiles({
      mount: '/widget/',
      root: WIDGET_FOLDER,
      immutable: /^spelo-voice-.+\.js(?:on)?$/,
      forOtherOrigins: true,
    }),
  ];
};

const pathOf = (request: IncomingMessage): string => (request.url ?? '').split('?')[0] ?? '';

/** The policy that docs/widget.md tells a site to use, and nothing more. */
const demoPolicy = (site: DemoSite | undefined): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    'img-src data:',
    `connect-src 'self'${site === undefined ? '' : ` ${new URL(site.openAiBaseUrl).origin}`}`,
    "require-trusted-types-for 'script'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

const demoPage = (siteId: string, file: string, integrity: string): string => `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Demo shop</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="/widget/demo-files/demo.css">
<script src="/widget/${file}" integrity="${integrity}" crossorigin="anonymous" defer></script>
</head>
<body>
<main>
<p class="brand">Demo shop</p>
<h1>Talk to us</h1>
<p>This page embeds the voice widget as any site would: one script tag and one element. Press the button, agree to the
notice, and speak. Its policy is as strict as a policy gets: no inline style, no inline script, trusted types.</p>
<spelo-voice site-id="${siteId}"></spelo-voice>
<p class="aside">At the stand-in the answer is a hum with made-up captions. No key yet? <code>npm start</code> printed the
line that stores one.</p>
</main>
</body>
</html>
`;
