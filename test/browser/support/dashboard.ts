import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import type { BrowserContext, Page } from 'playwright-core';
import { dashboardPages } from '../../../local/web/dashboard-pages.ts';
import { widgetPages } from '../../../local/web/widget-pages.ts';
import { startTestStack, type TestStack, type TestStackOptions } from '../../support/stack.ts';
import { type LaunchOptions, launchBrowser } from './launch-browser.ts';

export interface DashboardRun {
  readonly stack: TestStack;
  readonly context: BrowserContext;
  readonly page: Page;
  /** Everything that the browser asked for, in order. */
  readonly requests: readonly RecordedRequest[];
  /** Whatever any page wrote to its console, exceptions and refused loads among it. */
  readonly console: readonly string[];
  close(): Promise<void>;
}

export interface RecordedRequest {
  readonly method: string;
  readonly url: string;
  readonly text: string;
}

/** The whole stack with the built dashboard on it, and a browser whose requests and console are written down. */
export const startDashboard = async (
  options: { readonly stack?: TestStackOptions; readonly browser?: LaunchOptions } = {},
): Promise<DashboardRun> => {
  // In a process of its own: the bundler does not run inside jest. Takes no time when the build is current.
  execFileSync(process.execPath, ['web/dashboard/build.ts'], { stdio: ['ignore', 'ignore', 'inherit'] });
  let stack: TestStack | undefined;
  const addresses = () =>
    stack && {
      url: stack.url,
      issuer: stack.issuer.issuer,
      openAiBaseUrl: stack.variables['OPENAI_BASE_URL'] ?? '',
    };
  stack = await startTestStack({
    ...options.stack,
    pages: [dashboardPages({ addresses, ready: () => true }), ...(await widgetPages(() => undefined))],
  });
  const context = await launchBrowser(options.browser);
  const requests: RecordedRequest[] = [];
  const lines: string[] = [];
  context.on('request', (request) => {
    requests.push({
      method: request.method(),
      url: request.url(),
      text: `${JSON.stringify(request.headers())}${request.postData() ?? ''}`,
    });
  });
  context.on('console', (message) => lines.push(`${message.type()}: ${message.text()}`));
  context.on('weberror', (error) => lines.push(`exception: ${error.error().message}`));
  const page = context.pages()[0] ?? (await context.newPage());
  page.setDefaultTimeout(30_000);
  const running = stack;
  return {
    stack: running,
    context,
    page,
    requests,
    console: lines,
    close: async () => {
      await context.close();
      await running.close();
    },
  };
};

/** Through the issuer's own page, as a person does it. */
export const signIn = async ({ page, stack }: DashboardRun, sub: string): Promise<void> => {
  await page.goto(`${stack.url}/dashboard/`);
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Sign in as').fill(sub);
  await page.getByRole('button', { name: 'Continue' }).click();
  // The callback is only passed through; leaving it early would lose the sign-in.
  await page.waitForURL(
    (url) => url.href.startsWith(`${stack.url}/dashboard/`) && !url.pathname.endsWith('/callback'),
  );
};

/** The whole page as a picture. */
export const takePicture = async (page: Page, file: string): Promise<void> => {
  writeFileSync(file, await page.screenshot({ fullPage: true, animations: 'disabled' }));
};
