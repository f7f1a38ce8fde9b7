import { expect, it } from '@jest/globals';
import axe from 'axe-core';
import type { BrowserContext } from 'playwright-core';
import { openAiOf } from '../support/openai.ts';
import { describeInBrowser } from './support/browser.ts';
import { controlPages, later, ticks } from './support/open-ai-events.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

const file = (): string => `${stage.stack.url}/widget/${stage.widget.file}`;
const scriptPage = (siteId: string, more: string): Promise<Visitor> =>
  visit(
    browser,
    stage.host.show(`<body><script src="${file()}" crossorigin data-site-id="${siteId}" ${more}></script>`),
  );

const NO_BOX = { x: 0, y: 0, width: 0, height: 0 };

/** A computer without a microphone. */
const WITHOUT_MICROPHONE = `navigator.mediaDevices.getUserMedia = async () => {
  throw new DOMException('', 'NotFoundError');
}`;

const withoutMicrophone = async (siteId: string, attributes = ''): Promise<Visitor> => {
  const visitor = await visit(browser, stage.host.url(siteId, attributes));
  await visitor.page.evaluate(WITHOUT_MICROPHONE);
  await visitor.startCall();
  await visitor.reaches('error');
  return visitor;
};

const expectAccessible = async (visitor: Visitor): Promise<void> => {
  // What fades in has less contrast while it does.
  await visitor.page.waitForTimeout(300);
  const violations = await visitor.page.evaluate<readonly { id: string; nodes: { html: string }[] }[]>(
    `axe.run('spelo-voice').then(({ violations }) => violations)`,
  );
  expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([]);
};

describeInBrowser('a person who uses the widget', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('makes the panel small during a call and large again, and hangs up from the small one', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    const height = async (): Promise<number> => (await visitor.widget.boundingBox())?.height ?? 0;
    await visitor.widget.getByRole('log').waitFor();
    const large = await height();
    await visitor.button('Minimise').click();
    expect(await visitor.widget.getByRole('log').isVisible()).toBe(false);
    expect(await height()).toBeLessThan(large - 60);
    await visitor.button('Minimise').click();
    expect(await visitor.widget.getByRole('log').isVisible()).toBe(true);
    await visitor.button('Minimise').click();
    await visitor.button('Hang up').click();
    await visitor.reaches('ended');
    expect(await visitor.widget.getByText('Call ended').isVisible()).toBe(true);
  });

  it.each([
    ['', 'right', 'bottom'],
    ['data-position="bottom-left"', 'left', 'bottom'],
    ['data-position="top-right"', 'right', 'top'],
    ['data-position="top-left"', 'left', 'top'],
  ])('sees the button of a script tag with %s at the %s and the %s', async (attribute, side, edge) => {
    const { siteId } = await stage.tenant();
    const visitor = await scriptPage(siteId, attribute);
    await visitor.button('Talk to us').waitFor();
    const box = await visitor.widget.boundingBox();
    const { width = 0, height = 0 } = visitor.page.viewportSize() ?? {};
    const x = (box?.x ?? 0) + (box?.width ?? 0) / 2;
    const y = (box?.y ?? 0) + (box?.height ?? 0) / 2;
    expect([x < width / 2 ? 'left' : 'right', y < height / 2 ? 'top' : 'bottom']).toEqual([side, edge]);
  });

  it.each([
    ['#ffd400', 'rgb(255, 212, 0)', 'rgb(23, 24, 29)'],
    ['#0b6b4f', 'rgb(11, 107, 79)', 'rgb(255, 255, 255)'],
    ['red;background:url(//x)', 'rgb(79, 70, 229)', 'rgb(255, 255, 255)'],
  ])('can read the label on a button of colour %s', async (accent, background, text) => {
    const { siteId } = await stage.tenant();
    const visitor = await scriptPage(siteId, `data-accent="${accent}" data-label="Ask us" data-theme="dark"`);
    const shown = await visitor.button('Ask us').evaluate((element) => {
      const style = Reflect.get(globalThis, 'getComputedStyle')(element);
      return [style.backgroundColor, style.color];
    });
    expect(shown).toEqual([background, text]);
    expect(await visitor.widget.getAttribute('theme')).toBe('dark');
  });

  it('cannot press by a double click the button that appears under the first one', async () => {
    const { siteId } = await stage.tenant();
    const newcomer = await stage.browser();
    const visitor = await visit(
      newcomer,
      stage.host.show(`<body><script src="${file()}" crossorigin data-site-id="${siteId}"></script>`),
    );
    const boxOf = async (name: string) => (await visitor.button(name).boundingBox()) ?? NO_BOX;
    const launcher = await boxOf('Talk to us');
    await visitor.button('Talk to us').click();
    await visitor.button('Agree and start').click({ trial: true });
    const agree = await boxOf('Agree and start');
    await visitor.button('Not now').click();
    // In the corner, where both are.
    const x = Math.min(launcher.x + launcher.width, agree.x + agree.width) - 12;
    const y = Math.min(launcher.y + launcher.height, agree.y + agree.height) - 12;
    expect([x > launcher.x, x > agree.x, y > launcher.y, y > agree.y]).toEqual([true, true, true, true]);
    await visitor.page.mouse.dblclick(x, y);
    expect(await visitor.widget.getAttribute('state')).toBe('notice');
    expect(await visitor.page.evaluate(`localStorage.getItem('spelo-voice:notice')`)).toBeNull();
    expect(await visitor.microphones()).toEqual([]);

    await visitor.button('Agree and start').dblclick();
    await visitor.passes('listening');
    expect(await visitor.told('ended')).toEqual([]);
    await visitor.button('Hang up').dblclick();
    expect(await visitor.widget.getAttribute('state')).toBe('ended');
    await visitor.button('Close').click();
    await visitor.reaches('idle');
  });

  it('with a keyboard stays in the widget while the button to continue is disabled', async () => {
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    await stage.call(browser, tenant);
    const visitor = await visit(await stage.browser(), stage.host.url(tenant.siteId));
    await visitor.button('Talk to us').press('Enter');
    await visitor.button('Agree and start').press('Enter');
    await visitor.reaches('busy');
    expect(
      await visitor.page.evaluate(
        `document.querySelector('spelo-voice').shadowRoot.activeElement?.textContent`,
      ),
    ).toBe('Close');
  });

  it('can type and read the answer without a microphone, and without a permission prompt', async () => {
    const tenant = await stage.tenant();
    const visitor = await withoutMicrophone(tenant.siteId);
    expect(await visitor.text()).toContain('No microphone was found.');
    await visitor.button('Type instead').click();
    await visitor.passes('listening');
    const field = visitor.widget.getByRole('textbox', { name: 'Type your message' });
    await field.fill('When do you open?');
    await field.press('Enter');
    await visitor.widget.locator('[part~=caption-visitor]').getByText('When do you open?').waitFor();
    await visitor.widget.locator('[part~=caption-assistant]').first().waitFor();
    expect(await field.inputValue()).toBe('');
    expect(await visitor.button('Mute the microphone').count()).toBe(0);
    expect(await visitor.microphones()).toEqual([]);
    while ((await visitor.told('usage')).length === 0) await visitor.page.waitForTimeout(50);
    await visitor.button('Hang up').click();
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up', responses: 1 });
    expect(visitor.console).toEqual([]);
  });

  it('can type for longer than the idle time without ending the call', async () => {
    await controlPages(browser);
    const { siteId } = await stage.tenant();
    const visitor = await withoutMicrophone(siteId, 'idle-seconds="30"');
    await visitor.button('Type instead').click();
    const field = visitor.widget.getByRole('textbox', { name: 'Type your message' });
    await field.fill('I would');
    await later(visitor, 20_000);
    await visitor.widget.getByText('Are you still there?').waitFor();
    await field.fill('I would like');
    await visitor.widget.getByText('Are you still there?').waitFor({ state: 'hidden' });
    await later(visitor, 14_000);
    await ticks(visitor);
    expect(await visitor.told('ended')).toHaveLength(1);
    expect(await visitor.widget.getByRole('status').first().getAttribute('aria-live')).toBe('polite');
  });

  it('can type while the assistant speaks: the response ends, and the next one begins', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await withoutMicrophone(siteId);
    await visitor.button('Type instead').click();
    const field = visitor.widget.getByRole('textbox', { name: 'Type your message' });
    await field.fill('One');
    await visitor.button('Send').click();
    await visitor.widget.locator('[part~=caption-assistant]').first().waitFor();
    await field.fill('Two');
    await visitor.button('Send').click();
    await visitor.widget.locator('[part~=caption-assistant]').nth(1).waitFor();
    expect((await visitor.told('error')).map(({ detail }) => detail.code)).toEqual(['microphone_missing']);
  });

  it('reads that there is no microphone on a locked site, which has no typing', async () => {
    const { siteId } = await stage.tenant({}, { control: 'locked' });
    const visitor = await withoutMicrophone(siteId);
    await visitor.button('Type instead').click();
    await visitor.button('Try again').waitFor();
    expect(await visitor.text()).toContain('No microphone was found.');
    expect(await visitor.button('Type instead').count()).toBe(0);
  });

  it.each(['en', 'de', 'fr', 'es'])(
    'can use the widget in %s without axe violations, in each state',
    async (lang) => {
      const tenant = await stage.tenant({ concurrency_limit: 1 });
      const visitor = await visit(
        await stage.browser(),
        stage.host.show(
          `<body lang="${lang}"><spelo-voice site-id="${tenant.siteId}" privacy-url="/privacy"></spelo-voice>
           <script src="${file()}" crossorigin></script>`,
        ),
      );
      const click = (part: string): Promise<void> =>
        visitor.widget.locator(`[part~=${part}]:visible`).first().click();
      const isWorded = async (): Promise<void> => {
        await expectAccessible(visitor);
        expect(await visitor.text()).not.toContain('undefined');
      };
      await visitor.page.evaluate(axe.source);
      await visitor.widget.locator('[part~=launcher]').waitFor();
      await isWorded();
      await click('launcher');
      await visitor.reaches('notice');
      await isWorded();
      await click('agree');
      await visitor.passes('speaking');
      await isWorded();
      await click('minimise');
      await isWorded();
      await click('hang_up');
      await visitor.reaches('ended');
      await isWorded();
      openAiOf(stage.stack).inject({
        path: '/v1/realtime/calls',
        status: 429,
        body: { error: { code: 'rate_limit_exceeded', type: 'requests', message: 'x' } },
        times: 1,
      });
      await click('again');
      await visitor.reaches('busy');
      await isWorded();
      await click('close');
      await visitor.page.evaluate(WITHOUT_MICROPHONE);
      await click('launcher');
      await visitor.reaches('error');
      await isWorded();
      await click('type_instead');
      await visitor.reaches('listening');
      await isWorded();
    },
  );
});
