import { existsSync, mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { openAiOf } from '../support/openai.ts';
import { describeInBrowser } from './support/browser.ts';
import { type Stage, startStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

/** `UPDATE_DOCS=1 npm test -- test/browser/widget-pictures` retakes them. */
const UPDATES = process.env['UPDATE_DOCS'] === '1';
const FOLDER = join(import.meta.dirname, '../../docs/images');
const MARGIN = 28;

let stage: Stage;

const shows = async (visitor: Visitor, name: string): Promise<void> => {
  const file = join(FOLDER, `widget-${name}.png`);
  if (UPDATES) {
    // Until it has faded in.
    await visitor.page.waitForTimeout(400);
    const box = await visitor.widget.boundingBox();
    if (box === null) throw new Error('The widget is not to be seen.');
    const clip = {
      x: Math.max(0, box.x - MARGIN),
      y: Math.max(0, box.y - MARGIN),
      width: box.width + 2 * MARGIN,
      height: box.height + 2 * MARGIN,
    };
    await visitor.page.screenshot({ path: file, clip });
  }
  expect(existsSync(file)).toBe(true);
};

describeInBrowser('the screenshots for docs/widget.md', () => {
  beforeAll(async () => {
    stage = await startStage();
    mkdirSync(FOLDER, { recursive: true });
  });
  afterAll(() => stage?.close());

  const open = async (browser: BrowserContext): Promise<Visitor> => {
    const tenant = await stage.tenant({}, { allowed_origins: [stage.stack.url] });
    stage.showDemo(tenant);
    return visit(browser, `${stage.stack.url}/widget/demo`);
  };

  it('show a call, from the button to the end', async () => {
    const visitor = await open(await stage.browser({ colorScheme: 'light' }));
    await shows(visitor, 'button');
    await visitor.button('Talk to us').click();
    await visitor.reaches('notice');
    await shows(visitor, 'notice');
    await visitor.button('Agree and start').click();
    await visitor.reaches('listening');
    await shows(visitor, 'listening');
    await visitor.reaches('speaking');
    await visitor.widget.getByText('to know?').waitFor();
    await shows(visitor, 'speaking');
    await visitor.button('Hang up').click();
    await visitor.reaches('ended');
    await shows(visitor, 'ended');
  });

  it('show a busy line in dark mode', async () => {
    const visitor = await open(await stage.browser({ colorScheme: 'dark' }));
    openAiOf(stage.stack).inject({
      path: '/v1/realtime/calls',
      status: 429,
      body: { error: { code: 'rate_limit_exceeded', type: 'requests', message: 'x' } },
      headers: { 'retry-after': '42' },
      times: 1,
    });
    await visitor.startCall();
    await visitor.reaches('busy');
    await shows(visitor, 'busy-dark');
  });
});
