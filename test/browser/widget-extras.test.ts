import { expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { describeInBrowser } from './support/browser.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

const file = (): string => `${stage.stack.url}/widget/${stage.widget.file}`;
const show = async (html: string, headers?: Readonly<Record<string, string>>): Promise<Visitor> =>
  visit(browser, stage.host.show(html, headers));
const hold = async (visitor: Visitor): Promise<void> => {
  await visitor.startCall();
  await visitor.passes('speaking');
};
const captions = (visitor: Visitor) => visitor.widget.locator('[part~=caption-assistant]');

describeInBrowser('the part of the widget that is loaded on demand', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('is not requested before the panel opens, and then only once for two widgets', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await show(
      `<spelo-voice id="a" site-id="${siteId}"></spelo-voice><spelo-voice id="b" site-id="${siteId}"></spelo-voice>
       <script src="${file()}" crossorigin></script>`,
    );
    const extras = () => visitor.requests.filter((request) => request.url().includes('extras')).length;
    await visitor.button('Talk to us').first().waitFor();
    expect(extras()).toBe(0);
    for (const id of ['#a', '#b']) await visitor.page.evaluate(`document.querySelector('${id}').start()`);
    await visitor.page.locator('#b').getByRole('button', { name: 'Agree and start' }).click();
    await captions(visitor).first().waitFor();
    expect(extras()).toBe(1);
    expect(visitor.console).toEqual([]);
  });

  it.each<[string, (siteId: string) => string, (broker: string) => string]>([
    [
      'a policy of hosts and trusted types',
      (siteId) => `<script src="${file()}" crossorigin data-site-id="${siteId}"></script>`,
      (broker) =>
        `default-src 'none'; img-src data:; script-src ${broker}/widget/; connect-src ${broker}; require-trusted-types-for 'script'; trusted-types`,
    ],
    [
      'a policy of nonces',
      (siteId) => `<script nonce="abc" src="${file()}" crossorigin data-site-id="${siteId}"></script>`,
      (broker) => `default-src 'none'; img-src data:; script-src 'nonce-abc'; connect-src ${broker}`,
    ],
    [
      'strict-dynamic and a loader',
      (siteId) => `<script nonce="abc">
        var s = document.createElement('script');
        s.src = '${file()}'; s.crossOrigin = 'anonymous'; s.setAttribute('data-site-id', '${siteId}');
        document.head.appendChild(s);</script>`,
      (broker) =>
        `default-src 'none'; img-src data:; script-src 'nonce-abc' 'strict-dynamic'; connect-src ${broker}`,
    ],
    [
      'a module script',
      (siteId) => `<script type="module" src="${file()}" data-site-id="${siteId}"></script>`,
      (broker) => `default-src 'none'; img-src data:; script-src ${broker}; connect-src ${broker}`,
    ],
  ])('loads under %s', async (_, html, policy) => {
    const { siteId } = await stage.tenant();
    const visitor = await show(`<body>${html(siteId)}`, {
      'content-security-policy': policy(stage.stack.url),
    });
    await visitor.startCall();
    await captions(visitor).first().waitFor();
    expect(visitor.console).toEqual([]);
  });

  it.each<[string, (visitor: Visitor) => Promise<unknown>]>([
    ['cannot be reached', (visitor) => visitor.page.route('**/*-extras-*', (route) => route.abort())],
    [
      'was changed on its way',
      (visitor) =>
        visitor.page.route('**/*-extras-*', async (route) => {
          const response = await route.fetch();
          await route.fulfill({ response, body: `window.isChanged = true;\n${await response.text()}` });
        }),
    ],
  ])('leaves a call with sound and its buttons if it %s', async (_, spoil) => {
    const tenant = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    await spoil(visitor);
    await hold(visitor);
    expect(await captions(visitor).count()).toBe(0);
    expect(await visitor.page.evaluate('window.isChanged')).toBeUndefined();
    await visitor.button('Mute the microphone').click();
    expect(await visitor.microphones()).toEqual([{ isLive: true, isOn: false }]);
    await visitor.button('Hang up').click();
    await visitor.reaches('ended');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up' });
    expect(visitor.console.filter((line) => line.startsWith('uncaught'))).toEqual([]);
  });

  it('is requested again by the next call if it could not be loaded', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(siteId));
    await visitor.page.route('**/*-extras-*', (route) => route.abort(), { times: 1 });
    await hold(visitor);
    await visitor.button('Hang up').click();
    await visitor.button('Talk again').click();
    await captions(visitor).first().waitFor();
  });

  it('shows captions, and the test prints the tasks over 50 ms until then', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await show(`<body><script>
      window.tasks = [];
      new PerformanceObserver((list) => window.tasks.push(...list.getEntries().map(({ duration }) => duration)))
        .observe({ type: 'longtask', buffered: true });</script>
      <script src="${file()}" crossorigin data-site-id="${siteId}"></script>`);
    await visitor.button('Talk to us').waitFor();
    const atLoad = await visitor.page.evaluate<number[]>('window.tasks');
    await hold(visitor);
    const inAll = await visitor.page.evaluate<number[]>('window.tasks');
    process.stdout.write(
      `widget: tasks over 50 ms at load: ${JSON.stringify(atLoad)}; by the first answer: ${JSON.stringify(inAll)}\n`,
    );
    await captions(visitor).first().waitFor();
  });
});
