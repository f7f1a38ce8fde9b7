import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import type { BrowserContext, Page } from 'playwright-core';
import { dashboardPages } from '../../../local/web/dashboard-pages.ts';
import { widgetPages } from '../../../local/web/widget-pages.ts';
import { startTestStack, type TestStack, type TestStackOptions } from '../../support/stack.ts';
import { closeBrowser, type LaunchOptions, launchBrowser } from './launch-browser.ts';

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

let isBuilt = false;
/** In a separate process, because the bundler does not run inside jest. */
const buildOnce = (): void => {
  if (isBuilt) return;
  execFileSync(process.execPath, ['web/dashboard/build.ts'], { stdio: ['ignore', 'ignore', 'inherit'] });
  isBuilt = true;
};

/** The whole stack with the built dashboard on it, and a browser whose requests and console are written down. */
export const startDashboard = async (
  options: { readonly stack?: TestStackOptions; readonly browser?: LaunchOptions } = {},
): Promise<DashboardRun> => {
  buildOnce();
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
  const page = await context.newPage();
  page.setDefaultTimeout(30_000);
  const running = stack;
  return {
    stack: running,
    context,
    page,
    requests,
    console: lines,
    close: async () => {
      await closeBrowser(context);
      await running.close();
    },
  };
};

/** Through the issuer's own page, as a person does it. */
export const signIn = async (
  { page, stack }: DashboardRun,
  sub: string,
  { keep = false }: { readonly keep?: boolean } = {},
): Promise<void> => {
  await page.goto(`${stack.url}/dashboard/`);
  if (keep) await page.getByLabel('Keep me signed in').check();
  await page.getByRole('button', { name: 'Sign in' }).click();
  await page.getByLabel('Sign in as').fill(sub);
  await page.getByRole('button', { name: 'Continue' }).click();
  // The callback is only passed through; leaving it early would lose the sign-in.
  await page.waitForURL(
    (url) => url.href.startsWith(`${stack.url}/dashboard/`) && !url.pathname.endsWith('/callback'),
  );
};

/** A page of a workspace, once nothing on it is still loading: every skeleton has made room for what it stands for. */
export const openPage = async (
  { page, stack }: DashboardRun,
  workspaceId: string,
  path: string,
): Promise<void> => {
  await page.goto(`${stack.url}/dashboard/w/${workspaceId}/${path}`);
  await page.getByRole('heading', { level: 1 }).waitFor();
  await page
    .getByText(/^Loading .*…$/)
    .first()
    .waitFor({ state: 'detached' });
};

/** `UPDATE_DOCS=1 npm test -- test/browser/dashboard` retakes the pictures of docs/dashboard.md. */
const UPDATES = process.env['UPDATE_DOCS'] === '1';
const PICTURES = join(import.meta.dirname, '../../../docs/images');

/** The window as docs/dashboard.md shows it. Without an update it only checks that the picture exists. */
export const documentStep = async ({ page }: DashboardRun, name: string): Promise<void> => {
  const file = join(PICTURES, `dashboard-${name}.png`);
  if (UPDATES) {
    mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: file, animations: 'disabled' });
  }
  if (!existsSync(file))
    throw new Error(`docs/images/dashboard-${name}.png is missing: UPDATE_DOCS=1 takes it.`);
};
