import { expect, it } from '@jest/globals';
import axe from 'axe-core';
import type { BrowserContext } from 'playwright-core';
import { openAiOf } from '../support/openai.ts';
import { describeInBrowser } from './support/browser.ts';
import { type Stage, useStage } from './support/stage.ts';
import { visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

describeInBrowser('a page that embeds the widget', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('needs only one script tag', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.scriptOnlyUrl(siteId));
    await visitor.startCall();
    await visitor.reaches('listening');
    const box = await visitor.widget.boundingBox();
    const viewport = visitor.page.viewportSize();
    expect((box?.x ?? 0) + (box?.width ?? 0)).toBeGreaterThan((viewport?.width ?? 0) - 40);
    expect(visitor.console).toEqual([]);
  });

  it('is served as the demo page of the local server', async () => {
    const tenant = await stage.tenant({}, { allowed_origins: [stage.stack.url] });
    stage.showDemo(tenant);
    const visitor = await visit(browser, `${stage.stack.url}/widget/demo`);
    await visitor.startCall();
    await visitor.reaches('listening');
    expect(visitor.console).toEqual([]);
  });

  it('has no axe violations in any state of the widget', async () => {
    const newcomer = await stage.browser();
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    const visitor = await visit(newcomer, stage.host.url(tenant.siteId, 'privacy-url="/privacy"'));
    const expectAccessible = async () => {
      // What fades in has less contrast while it does.
      await visitor.page.waitForTimeout(300);
      const violations = await visitor.page.evaluate<readonly { id: string; nodes: { html: string }[] }[]>(
        `axe.run('spelo-voice').then(({ violations }) => violations)`,
      );
      expect(violations.map(({ id, nodes }) => [id, ...nodes.map(({ html }) => html)])).toEqual([]);
    };
    for (const colorScheme of ['light', 'dark'] as const) {
      await visitor.page.emulateMedia({ colorScheme });
      await visitor.page.reload();
      await visitor.page.evaluate('localStorage.clear()');
      await visitor.page.evaluate(axe.source);
      await expectAccessible();
      await visitor.button('Talk to us').click();
      await visitor.reaches('notice');
      await expectAccessible();
      await visitor.button('Agree and start').click();
      await visitor.passes('speaking');
      await expectAccessible();
      await visitor.button('Mute the microphone').click();
      await expectAccessible();
      await visitor.button('Hang up').click();
      await visitor.reaches('ended');
      await expectAccessible();
      openAiOf(stage.stack).inject({
        path: '/v1/realtime/calls',
        status: 429,
        body: { error: { code: 'rate_limit_exceeded', type: 'requests', message: 'x' } },
        times: 1,
      });
      await visitor.button('Talk again').click();
      await visitor.reaches('busy');
      await expectAccessible();
    }
  });

  it('can start, mute and end a call by script, and receives each step as an event', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(siteId));
    const run = (code: string) =>
      visitor.page.evaluate(`{ const v = document.querySelector('spelo-voice'); ${code} }`);
    await run('v.start()');
    await visitor.button('Agree and start').or(visitor.button('Hang up')).first().waitFor();
    if ((await visitor.widget.getAttribute('state')) === 'notice')
      await visitor.button('Agree and start').click();
    await visitor.reaches('listening');
    await run('v.muted = true');
    expect(await visitor.microphones()).toEqual([{ isLive: true, isOn: false }]);
    await run('v.start(); v.hangUp()');
    await visitor.reaches('ended');
    const types = (await visitor.told()).map(({ type }) => type);
    expect(types).toEqual(expect.arrayContaining(['spelo-state', 'spelo-connected', 'spelo-ended']));
    expect((await visitor.told('ended')).map(({ detail }) => detail.reason)).toEqual(['hung_up']);
    await run('v.close()');
    await visitor.reaches('idle');
  });

  it('can replace texts and colours', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(siteId, 'label="Parlez-nous"'));
    await visitor.button('Parlez-nous').waitFor();
    await visitor.page.evaluate(
      `document.querySelector('spelo-voice').strings = { notice_title: 'Avant de parler' };
       document.querySelector('spelo-voice').style.setProperty('--spelo-accent', 'rgb(0, 100, 0)')`,
    );
    const color = await visitor
      .button('Parlez-nous')
      .evaluate((element) => Reflect.get(globalThis, 'getComputedStyle')(element).backgroundColor);
    expect(color).toBe('rgb(0, 100, 0)');
    await visitor.page.evaluate(`localStorage.clear(); document.querySelector('spelo-voice').start()`);
    await visitor.reaches('notice');
    expect(await visitor.text()).toContain('Avant de parler');
  });

  it('ends and reports the call when it removes the element, but not when it moves the element', async () => {
    const tenant = await stage.tenant();
    const visitor = await stage.call(browser, tenant);
    const callId = openAiOf(stage.stack).liveCalls.at(-1);
    await visitor.page.evaluate(`document.body.append(document.querySelector('spelo-voice'))`);
    await visitor.page.waitForTimeout(300);
    expect(await visitor.widget.getAttribute('state')).toMatch(/listening|thinking|speaking/);
    await visitor.page.evaluate(`document.querySelector('spelo-voice').remove()`);
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up' });
    await stage.callIsOver(callId);
  });

  it('can be used by keyboard only, and the focus stays in the widget', async () => {
    const newcomer = await stage.browser();
    const { siteId } = await stage.tenant();
    const visitor = await visit(newcomer, stage.host.url(siteId));
    const { keyboard } = visitor.page;
    const focused = () =>
      visitor.page.evaluate(
        `document.querySelector('spelo-voice').shadowRoot.activeElement?.textContent || document.querySelector('spelo-voice').shadowRoot.activeElement?.getAttribute('aria-label')`,
      );
    await keyboard.press('Tab');
    expect(await focused()).toBe('Talk to us');
    await keyboard.press('Enter');
    await visitor.reaches('notice');
    await keyboard.press('Escape');
    await visitor.reaches('idle');
    expect(await focused()).toBe('Talk to us');
    await keyboard.press('Enter');
    await visitor.reaches('notice');
    expect(await focused()).toBe('Agree and start');
    await keyboard.press('Enter');
    await visitor.reaches('listening');
    expect(await focused()).toBe('Hang up');
    await keyboard.press('Shift+Tab');
    expect(await focused()).toBe('Captions');
    await keyboard.press('Space');
    expect(await visitor.widget.getByRole('log').isVisible()).toBe(false);
    await keyboard.press('Tab');
    await keyboard.press('Enter');
    await visitor.reaches('ended');
    expect(await focused()).toBe('Talk again');
  });

  it('still works after a wrong site ID, a wrong number or a listener that throws', async () => {
    const visitor = await visit(browser, stage.host.url('no such site'));
    await visitor.page.evaluate(`{
      addEventListener('spelo-state', () => { throw new Error('of the page'); });
      document.querySelector('spelo-voice').setAttribute('idle-seconds', 'many');
    }`);
    await visitor.startCall();
    await visitor.reaches('error');
    expect(
      visitor.console.filter((line) => line.startsWith('uncaught') && !line.includes('of the page')),
    ).toEqual([]);
  });
});
