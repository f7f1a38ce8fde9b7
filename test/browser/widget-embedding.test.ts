import { expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { describeInBrowser } from './support/browser.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

interface ServedPage {
  readonly html: string;
  readonly headers?: Readonly<Record<string, string>>;
}

const open = ({ html, headers }: ServedPage): Promise<Visitor> =>
  visit(browser, stage.host.show(html, headers));

const file = (): string => `${stage.stack.url}/widget/${stage.widget.file}`;
const tag = (siteId: string, more = ''): string =>
  `<script src="${file()}" crossorigin data-site-id="${siteId}" ${more}></script>`;
const script = (): string => `<script src="${file()}" crossorigin></script>`;
const count = (visitor: Visitor): Promise<number> => visitor.widget.count();
const run = (visitor: Visitor, code: string): Promise<unknown> => visitor.page.evaluate(code);
const callsOf = (visitor: Visitor): number =>
  visitor.requests.filter((request) => request.url().endsWith('/calls')).length;

describeInBrowser('a page that embeds the widget in an unusual way', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('can set the texts before the script has loaded', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({
      html: `<spelo-voice id="a" site-id="${siteId}"></spelo-voice>
        <script>a.strings = { launch: 'Parlez-nous' }; a.muted = true;</script>${script()}`,
    });
    await visitor.button('Parlez-nous').waitFor();
    await run(visitor, `a.strings = { launch: 'Encore' }`);
    await visitor.button('Encore').waitFor();
    expect(await run(visitor, 'a.muted')).toBe(false);
  });

  it.each([
    ['a module script', (siteId: string) => tag(siteId, 'type="module"'), 'one'],
    [
      'a module script and an element',
      (siteId: string) =>
        `<script type="module" src="${file()}"></script><spelo-voice site-id="${siteId}"></spelo-voice>`,
      'one',
    ],
    [
      'an import() and an element',
      (siteId: string) =>
        `<spelo-voice site-id="${siteId}"></spelo-voice><script>import('${file()}')</script>`,
      'one',
    ],
    [
      'a tag manager that creates the script',
      (siteId: string) => `<script>
        var s = document.createElement('script');
        s.src = '${file()}'; s.crossOrigin = 'anonymous'; s.setAttribute('data-site-id', '${siteId}');
        document.head.appendChild(s);</script>`,
      'one',
    ],
    ['the script included twice', (siteId: string) => tag(siteId) + tag(siteId), 'one'],
    [
      'the script alongside a floating element of the site',
      (siteId: string) => `<spelo-voice site-id="${siteId}" floating></spelo-voice>${tag(siteId)}`,
      'one',
    ],
  ])('has one widget that reaches the broker with %s', async (_, html) => {
    const { siteId } = await stage.tenant();
    const visitor = await open({ html: `<body>${html(siteId)}` });
    await visitor.startCall();
    await visitor.reaches('listening');
    expect(await count(visitor)).toBe(1);
    expect(visitor.console).toEqual([]);
  });

  it('can bundle the script: the visitor reads that voice is not set up, and the developer reads why', async () => {
    const { siteId } = await stage.tenant();
    const code = await (await fetch(file())).text();
    const visitor = await open({
      html: `<spelo-voice site-id="${siteId}"></spelo-voice><script type="module">${code}</script>`,
    });
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.text()).toContain('Voice is not set up for this page.');
    expect(callsOf(visitor)).toBe(0);
    expect(visitor.console).toEqual([expect.stringMatching(/^warning: spelo-voice: .*api/)]);
  });

  it('that has an element without site ID makes no request, and the text says that voice is not set up', async () => {
    const visitor = await open({ html: `<spelo-voice></spelo-voice>${script()}` });
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'invalid_site_id' } }]);
    expect(callsOf(visitor)).toBe(0);
    expect(await visitor.microphones()).toEqual([]);
  });

  it('keeps the widget and its call when a router replaces the body', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({ html: `<head>${tag(siteId)}</head><body><p>One</p></body>` });
    await visitor.startCall();
    await visitor.reaches('listening');
    await run(
      visitor,
      `{ const body = document.createElement('body'); body.append('Two'); document.body.replaceWith(body); }`,
    );
    await visitor.page.waitForTimeout(400);
    expect(await count(visitor)).toBe(1);
    expect(await visitor.widget.getAttribute('state')).toMatch(/listening|thinking|speaking/);
    expect(await visitor.told('ended')).toEqual([]);
  });

  it('has one widget after a router restores its copy of the page and runs the script again', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({ html: `<body>${tag(siteId)}<p>One</p></body>` });
    await visitor.button('Talk to us').waitFor();
    await run(
      visitor,
      `{
      const copy = document.body.cloneNode(true);
      document.body.replaceWith(document.createElement('body'));
      document.body.replaceWith(copy);
      const old = copy.querySelector('script');
      const fresh = document.createElement('script');
      for (const { name, value } of old.attributes) fresh.setAttribute(name, value);
      window.isLoaded = new Promise((resolve) => { fresh.onload = resolve; });
      old.replaceWith(fresh);
    }`,
    );
    await run(visitor, 'isLoaded');
    expect(await count(visitor)).toBe(1);
    await visitor.startCall();
    await visitor.reaches('listening');
  });

  it('can remove the element and put it back soon after: the call continues', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({ html: `<body><spelo-voice site-id="${siteId}"></spelo-voice>${script()}` });
    await visitor.startCall();
    await visitor.reaches('listening');
    await run(
      visitor,
      `{ const voice = document.querySelector('spelo-voice'); voice.remove();
         new Promise((resolve) => setTimeout(resolve, 20)).then(() => document.body.append(voice)); }`,
    );
    await visitor.page.waitForTimeout(500);
    expect(await visitor.told('ended')).toEqual([]);
    expect(await visitor.widget.getAttribute('state')).toMatch(/listening|thinking|speaking/);
  });

  it('can remove the element during a countdown and put it back: the countdown continues', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({ html: `<body><spelo-voice site-id="${siteId}"></spelo-voice>${script()}` });
    await visitor.page.route('**/calls', (route) =>
      route.fulfill({
        status: 429,
        headers: { 'access-control-allow-origin': stage.host.origin },
        json: {
          success: false,
          error: { code: 'rate_limited', message: '', request_id: 'x', retry_after: 3 },
        },
      }),
    );
    await visitor.startCall();
    await visitor.reaches('error');
    await run(
      visitor,
      `{ const voice = document.querySelector('spelo-voice'); voice.remove();
         window.isBack = new Promise((resolve) => setTimeout(() => { document.body.append(voice); resolve(); }, 400)); }`,
    );
    await run(visitor, 'isBack');
    await visitor.widget.getByText('You can try again now.').waitFor();
  });

  it('with two widgets ends the call of one when a call on the other starts', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({
      html: `<body><spelo-voice id="a" site-id="${siteId}"></spelo-voice><spelo-voice id="b" site-id="${siteId}"></spelo-voice>${script()}`,
    });
    const [a, b] = ['#a', '#b'].map((id) => visitor.page.locator(id));
    await a?.getByRole('button', { name: 'Talk to us' }).click();
    const agree = a?.getByRole('button', { name: 'Agree and start' });
    if ((await a?.getAttribute('state')) === 'notice') await agree?.click();
    await visitor.page.locator('#a[state=listening]').waitFor();
    await b?.getByRole('button', { name: 'Talk to us' }).click();
    await visitor.page.locator('#b[state=listening]').waitFor();
    expect(await a?.getAttribute('state')).toBe('ended');
    expect((await visitor.microphones()).map(({ isLive }) => isLive)).toEqual([false, true]);
  });

  it('that is not secure tells the visitor to use a secure page, and no error is thrown', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({
      html: `<body><script>
        Object.defineProperty(crypto, 'randomUUID', { value: undefined });
        Object.defineProperty(crypto, 'subtle', { value: undefined });
        Object.defineProperty(navigator, 'mediaDevices', { value: undefined });
        localStorage.clear();</script><spelo-voice site-id="${siteId}"></spelo-voice>${script()}`,
    });
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'unsupported' } }]);
    expect(visitor.console).toEqual([]);
  });

  it('that forbids the microphone offers no retry, and the developer reads which permission is missing', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({
      html: `<body><spelo-voice site-id="${siteId}"></spelo-voice>${script()}`,
      headers: { 'permissions-policy': 'microphone=()' },
    });
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'page_policy' } }]);
    expect(await visitor.text()).toContain('Voice is not set up for this page.');
    expect(await visitor.button('Try again').count()).toBe(0);
    expect(visitor.console.filter((line) => line.includes('spelo-voice'))).toEqual([
      expect.stringContaining('allow="microphone"'),
    ]);
  });

  it('whose policy lacks the broker names the missing host to the developer', async () => {
    const { siteId } = await stage.tenant();
    const broker = stage.stack.url;
    const visitor = await open({
      html: `<body><spelo-voice site-id="${siteId}"></spelo-voice>${script()}`,
      headers: { 'content-security-policy': `script-src ${broker}; connect-src 'self'` },
    });
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'page_policy' } }]);
    expect(visitor.console.filter((line) => line.includes('spelo-voice:'))).toEqual([
      expect.stringContaining(broker),
    ]);
  });

  it('at an unregistered origin names the origin to the developer', async () => {
    const { siteId } = await stage.tenant({}, { allowed_origins: ['https://elsewhere.example'] });
    const visitor = await open({ html: `<body><spelo-voice site-id="${siteId}"></spelo-voice>${script()}` });
    await visitor.startCall();
    await visitor.reaches('error');
    expect(visitor.console.filter((line) => line.includes('spelo-voice:'))).toEqual([
      expect.stringContaining(`Is ${stage.host.origin} among the allowed origins`),
    ]);
  });

  it('can hide the captions later with the attribute', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    expect(await visitor.widget.getByRole('log').isVisible()).toBe(true);
    await run(visitor, `document.querySelector('spelo-voice').setAttribute('captions', 'off')`);
    expect(await visitor.widget.getByRole('log').isVisible()).toBe(false);
  });

  it('finds only its own attributes on the element', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open({ html: `<body><spelo-voice site-id="${siteId}"></spelo-voice>${script()}` });
    await visitor.button('Talk to us').waitFor();
    expect(await run(visitor, `document.querySelector('spelo-voice').getAttributeNames().join()`)).toBe(
      'site-id',
    );
  });

  it('can load the script on a server, without a document', async () => {
    const code = await (await fetch(file())).text();
    const { runInNewContext } = await import('node:vm');
    expect(() => runInNewContext(code, {})).not.toThrow();
  });

  it.each([
    'body > * { position: relative; z-index: 1; margin: 40px; width: 100%; opacity: .5; transform: scale(.5) }',
    '* { color: #333; font-size: 10px; text-transform: uppercase; text-align: center; letter-spacing: 3px }',
    'body > * { display: block; max-width: 600px; padding: 30px; border: 9px solid; background: red; float: left }',
  ])(
    'with rules for all elements, such as %s, does not change the box, colours and type of the widget',
    async (rule) => {
      const { siteId } = await stage.tenant();
      const look = async (style: string): Promise<unknown> => {
        const visitor = await open({ html: `<style>${style}</style><body>${tag(siteId)}` });
        await visitor.button('Talk to us').waitFor();
        return run(
          visitor,
          `{
        const voice = document.querySelector('spelo-voice');
        const panel = voice.shadowRoot.querySelector('.panel');
        const { x, y, width, height } = voice.getBoundingClientRect();
        const { color, fontSize, textTransform, textAlign, letterSpacing } = getComputedStyle(panel);
        const host = getComputedStyle(voice);
        ({ x, y, width, height, color, fontSize, textTransform, textAlign, letterSpacing,
           position: host.position, z: host.zIndex, opacity: host.opacity, background: host.backgroundColor });
      }`,
        );
      };
      expect(await look(rule)).toEqual(await look(''));
    },
  );

  it('shows captions from right to left for a right-to-left language', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    const direction = await visitor.widget.evaluate((element) => {
      const { shadowRoot } = element as unknown as { shadowRoot: { querySelector(name: string): unknown } };
      return shadowRoot.querySelector('.lines') !== null;
    });
    expect(direction).toBe(true);
    await visitor.widget.locator('[part~=caption-assistant]').first().waitFor();
    expect(await visitor.widget.locator('[part~=caption-assistant]').first().getAttribute('dir')).toBe(
      'auto',
    );
    const computed = await run(
      visitor,
      `{
      const line = document.querySelector('spelo-voice').shadowRoot.querySelector('[part~=caption-assistant]');
      line.lastChild.textContent = 'مرحبا، كيف يمكنني مساعدتك؟ 24/7!';
      getComputedStyle(line).direction;
    }`,
    );
    expect(computed).toBe('rtl');
  });

  it('does not let a screen reader speak into the open microphone', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    const live = () => visitor.widget.getByRole('status').first().getAttribute('aria-live');
    expect(await live()).toBe('off');
    await visitor.button('Hang up').click();
    await visitor.reaches('ended');
    expect(await live()).toBe('polite');
  });

  it.each([
    ['de-AT', 'Mit uns sprechen'],
    ['fr', 'Parlez-nous'],
    ['es', 'Hable con nosotros'],
    ['nl', 'Talk to us'],
  ])('in %s labels the button “%s”', async (lang, label) => {
    const { siteId } = await stage.tenant();
    const visitor = await open({
      html: `<body lang="${lang}"><spelo-voice site-id="${siteId}"></spelo-voice>${script()}`,
    });
    await visitor.button(label).waitFor();
    expect(visitor.requests.filter((request) => request.url().endsWith('.json'))).toHaveLength(
      lang === 'nl' ? 0 : 1,
    );
    await run(visitor, `document.querySelector('spelo-voice').strings = { launch: 'Own' }`);
    await visitor.button('Own').waitFor();
  });
});
