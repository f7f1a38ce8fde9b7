import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { type DemoSite, widgetOfProcess, widgetPages } from '../../../local/web/widget-pages.ts';
import type { WidgetManifest } from '../../../web/widget/build.ts';
import { slotsTaken } from '../../support/calls.ts';
import { tablesAt } from '../../support/key-tables.ts';
import { type KeyedTenant, makeKeyedTenant } from '../../support/keyed-tenant.ts';
import { openAiOf } from '../../support/openai.ts';
import { startTestStack, type TestStack } from '../../support/stack.ts';
import type { Tenant } from '../../support/tenant.ts';
import { closeBrowser, type LaunchOptions, launchBrowser } from './browser.ts';
import { type HostPage, startHostPage } from './host-page.ts';
import { type Visitor, visit } from './visitor.ts';

/** The fields of a session's usage that the browser tests read. */
export interface Meter {
  readonly sessionId: string;
  readonly connectedAtMs: number | null;
  readonly endReason: string | null;
  readonly responses: number;
}

/** A broker, another company's site, and browsers: everything that a visitor's call passes through. */
export interface Stage {
  readonly stack: TestStack;
  readonly host: HostPage;
  readonly widget: WidgetManifest;
  /** Makes the local run's own demo page show this site. */
  showDemo(tenant: Tenant): void;
  /** Another person: an empty profile, whose pages `useStage` closes after each test. Closed with the stage. */
  browser(options?: LaunchOptions): Promise<BrowserContext>;
  /** A workspace with a key, whose one site is the host page. */
  tenant(
    workspace?: Readonly<Record<string, unknown>>,
    site?: Readonly<Record<string, unknown>>,
    key?: string,
  ): Promise<KeyedTenant>;
  /** A call that has begun. */
  call(context: BrowserContext, tenant: Tenant, attributes?: string): Promise<Visitor>;
  /** The meters of a site's sessions, oldest first. */
  meters(tenant: Tenant): Promise<readonly Meter[]>;
  /** The meter of the nth session, from 1, once it has ended. */
  endedMeter(tenant: Tenant, nth?: number): Promise<Meter>;
  /** Waits until no call of a workspace holds a line: the broker gives it back once OpenAI has hung up. */
  linesAreFree(tenant: KeyedTenant): Promise<void>;
  /** Waits until OpenAI has noticed that a call has ended. */
  callIsOver(callId: string | undefined): Promise<void>;
  /** Closes the pages that a test left open in any profile, so that no call outlives it. */
  leavePages(): Promise<void>;
  close(): Promise<void>;
}

const WAIT_MS = 45_000;

export const startStage = async (): Promise<Stage> => {
  const widget = await widgetOfProcess();
  let demo: DemoSite | undefined;
  const stack = await startTestStack({ audited: false, pages: await widgetPages(() => demo) });
  const host = await startHostPage(stack.url, widget);
  const browsers: BrowserContext[] = [];
  const tables = tablesAt(stack.dynamoDb.endpoint);

  const meters = async ({ siteId }: Tenant): Promise<readonly Meter[]> => {
    const items = await tables.usageOf(`METERS#${siteId}`);
    return items
      .map((item) => ({
        sessionId: String(item['sessionId']),
        connectedAtMs: (item['connectedAtMs'] as number | undefined) ?? null,
        endReason: (item['endReason'] as string | undefined) ?? null,
        responses: (item['responses'] as number | undefined) ?? 0,
      }))
      .sort((a, b) => (a.sessionId < b.sessionId ? -1 : 1));
  };

  return {
    stack,
    host,
    widget,
    showDemo: ({ siteId }) => {
      demo = { siteId, openAiBaseUrl: openAiOf(stack).baseUrl };
    },
    browser: async (options) => {
      const context = await launchBrowser(options);
      browsers.push(context);
      return context;
    },
    tenant: (workspace = {}, site = {}, key = undefined) =>
      makeKeyedTenant(stack, workspace, { allowed_origins: [host.origin], ...site }, key),
    call: async (context, tenant, attributes) => {
      const visitor = await visit(context, host.url(tenant.siteId, attributes));
      await visitor.startCall();
      // A call can continue to another state, or end, before this looks at it.
      await visitor.passes('listening');
      return visitor;
    },
    meters,
    endedMeter: async (tenant, nth = 1) => {
      for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 100) {
        const metrics = (await meters(tenant))[nth - 1];
        if (metrics !== undefined && metrics.endReason !== null) return metrics;
        await sleep(100);
      }
      throw new Error(`No end was reported. There is: ${JSON.stringify(await meters(tenant))}`);
    },
    linesAreFree: async (tenant) => {
      for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 100) {
        if ((await slotsTaken(stack, tenant)) === 0) return;
        await sleep(100);
      }
      throw new Error('A line is still taken.');
    },
    callIsOver: async (callId) => {
      for (let waitedMs = 0; waitedMs < WAIT_MS; waitedMs += 50) {
        if (callId !== undefined && !openAiOf(stack).liveCalls.includes(callId)) return;
        await sleep(50);
      }
      throw new Error('The call continues.');
    },
    leavePages: async () => {
      await Promise.all(browsers.flatMap((context) => context.pages().map((page) => page.close())));
    },
    close: async () => {
      tables.close();
      await Promise.all(browsers.map(closeBrowser));
      await host.close();
      await stack.close();
    },
  };
};

/** For a file of tests: opens a stage with one browser, leaves it tidy after each test, closes it at the end. */
export const useStage = (onOpen: (stage: Stage, browser: BrowserContext) => void): void => {
  let stage: Stage | undefined;
  beforeAll(async () => {
    stage = await startStage();
    onOpen(stage, await stage.browser());
  });
  afterEach(async () => {
    if (stage === undefined) return;
    openAiOf(stage.stack).clearFaults();
    await stage.leavePages();
  });
  afterAll(() => stage?.close());
};
