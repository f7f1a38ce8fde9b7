import { expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { callRequests, openAiOf } from '../support/openai.ts';
import { describeInBrowser } from './support/browser.ts';
import { startHostPage } from './support/host-page.ts';
import { SILENCE } from './support/microphone.ts';
import { controlPages, later, ticks, until } from './support/open-ai-events.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Told, type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

const file = (): string => `${stage.stack.url}/widget/${stage.widget.file}`;
const script = (): string => `<script src="${file()}" crossorigin></script>`;
const tag = (siteId: string, more = ''): string =>
  `<script src="${file()}" crossorigin data-site-id="${siteId}" ${more}></script>`;
const element = (siteId: string, more = ''): string =>
  `<spelo-voice site-id="${siteId}" ${more}></spelo-voice>`;
const open = (html: string): Promise<Visitor> => visit(browser, stage.host.show(html));
const run = <Result = unknown>(visitor: Visitor, code: string): Promise<Result> =>
  visitor.page.evaluate<Result>(code);
const stateOf = (visitor: Visitor): Promise<string | null> => visitor.widget.first().getAttribute('state');
const callsOf = (visitor: Visitor): number =>
  visitor.requests.filter((request) => request.url().endsWith('/calls')).length;
const advice = (visitor: Visitor): readonly string[] =>
  visitor.console.filter((line) => line.includes('spelo-voice:'));
const IN_CALL = /^(listening|thinking|speaking)$/;
/** Lets the page run everything that was due, and the widget give up on an element that was taken away. */
const settle = (visitor: Visitor): Promise<unknown> =>
  run(visitor, 'new Promise((resolve) => setTimeout(() => setTimeout(resolve), 300))');

const inFrame = (visitor: Visitor) => visitor.page.frameLocator('iframe').locator('spelo-voice');

/** Opens the widget of the frame and, where it is shown, agrees to the notice. */
const startInFrame = async (visitor: Visitor): Promise<void> => {
  const voice = inFrame(visitor);
  await voice.getByRole('button', { name: 'Talk to us' }).click();
  if ((await voice.getAttribute('state')) === 'notice')
    await voice.getByRole('button', { name: 'Agree and start' }).click();
};

const reachesInFrame = async (visitor: Visitor, state: RegExp): Promise<void> => {
  while (!state.test((await inFrame(visitor).getAttribute('state')) ?? ''))
    await visitor.page.waitForTimeout(50);
};

describeInBrowser('a real web page', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('whose server gives no embed token lets the visitor retry, tells the developer why, and opens no call', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body>${element(siteId)}${script()}`);
    await run(
      visitor,
      `document.querySelector('spelo-voice').getEmbedToken = async () => { throw new TypeError('no session'); }`,
    );
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'unavailable' } }]);
    expect(advice(visitor)).toEqual([
      expect.stringContaining('voice.getEmbedToken failed: TypeError: no session'),
    ]);
    expect(callsOf(visitor)).toBe(0);
    await run(visitor, `delete document.querySelector('spelo-voice').getEmbedToken`);
    await visitor.button('Try again').click();
    await visitor.reaches('listening');
  });

  it('that gets its embed token after a cancel opens no call', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body>${element(siteId)}${script()}`);
    await run(
      visitor,
      `document.querySelector('spelo-voice').getEmbedToken = () => new Promise((resolve) => { window.answer = resolve; })`,
    );
    await visitor.startCall();
    await until(visitor, `typeof answer === 'function'`);
    await visitor.button('Cancel').click();
    await visitor.reaches('idle');
    await run(visitor, `answer('a token')`);
    await settle(visitor);
    expect(callsOf(visitor)).toBe(0);
    expect(visitor.console).toEqual([]);
  });

  it('waits at most 20 seconds for an embed token', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body><script>{
        const later = window.setTimeout;
        window.setTimeout = (work, ms, ...more) => later(work, ms === 20000 ? 500 : ms, ...more);
      }</script>${element(siteId)}${script()}`);
    await run(visitor, `document.querySelector('spelo-voice').getEmbedToken = () => new Promise(() => {})`);
    await visitor.startCall();
    await visitor.reaches('error');
    expect(advice(visitor)).toEqual([expect.stringContaining('voice.getEmbedToken failed: Error: timeout')]);
  });

  it('that stores nothing shows the notice once per page load, and the visitor ID stays the same', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body><script>localStorage.clear();
      Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); };</script>
      ${element(siteId)}${script()}`);
    await visitor.startCall();
    await visitor.reaches('listening');
    await visitor.button('Hang up').click();
    await visitor.button('Talk again').click();
    await visitor.reaches('listening');
    const visitors = visitor.requests
      .filter((request) => request.url().endsWith('/calls'))
      .map((request) => request.postDataJSON().visitor_id);
    expect(visitors).toHaveLength(2);
    expect(new Set(visitors).size).toBe(1);
  });

  it('with the script in its own classic bundle tells the developer that the broker is unknown', async () => {
    const { siteId } = await stage.tenant();
    const body = await (await fetch(file())).text();
    await browser.route('**/assets/app.js', (route) =>
      route.fulfill({ contentType: 'text/javascript', body }),
    );
    const visitor = await open(`<body>${element(siteId)}<script src="/assets/app.js"></script>`);
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.text()).toContain('Voice is not set up for this page.');
    expect(callsOf(visitor)).toBe(0);
    expect(advice(visitor)).toEqual([expect.stringContaining('set the attribute api')]);
  });

  it.each([
    ['all that is in the body', `document.body.innerHTML = '<p>Two</p>'`],
    [
      'all that is in the body, one by one',
      `while (document.body.firstChild) document.body.firstChild.remove();
       document.body.append('Two')`,
    ],
    [
      'the whole document element',
      `{ const html = document.documentElement.cloneNode(false); html.innerHTML = '<head></head><body>Two</body>';
         document.documentElement.replaceWith(html); }`,
    ],
  ])('with a router that replaces %s keeps the widget and its call', async (_, replace) => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body>${tag(siteId)}<p>One</p>`);
    await visitor.startCall();
    await visitor.reaches('listening');
    for (let visits = 0; visits < 2; visits++) {
      await run(visitor, replace);
      await settle(visitor);
      expect(await visitor.widget.count()).toBe(1);
    }
    expect(await stateOf(visitor)).toMatch(IN_CALL);
    expect(await visitor.told('ended')).toEqual([]);
  });

  it('that removes the widget ends its call, and later changes do not bring it back', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body>${tag(siteId)}<p>One</p>`);
    await visitor.startCall();
    await visitor.reaches('listening');
    await run(visitor, `document.querySelector('spelo-voice').remove()`);
    await settle(visitor);
    await run(visitor, `document.body.append('Thanks'); document.querySelector('p').remove()`);
    await settle(visitor);
    expect(await visitor.widget.count()).toBe(0);
    expect((await visitor.microphones()).map(({ isLive }) => isLive)).toEqual([false]);
  });

  it('that copies an element during a call gets an idle copy without the state of the original', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    const copy = await run(
      visitor,
      `{ const voice = document.querySelector('spelo-voice');
         const copy = voice.cloneNode(true); voice.after(copy); [copy.state, copy.getAttribute('state')]; }`,
    );
    expect(copy).toEqual(['idle', null]);
  });

  it('with scripts of two brokers has two widgets, each with its own broker', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(
      `<body>${tag(siteId)}${tag('other-site', 'data-api="https://other.example"')}`,
    );
    await visitor.button('Talk to us').first().waitFor();
    expect(
      await run(
        visitor,
        `[...document.querySelectorAll('spelo-voice')].map((each) => each.getAttribute('api'))`,
      ),
    ).toEqual([null, 'https://other.example']);
  });

  it('that changes its language later changes the widget, even inside a shadow root', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body>${element(siteId)}<div id="host"></div>${script()}`);
    await run(visitor, `host.attachShadow({ mode: 'open' }).append(document.createElement('spelo-voice'))`);
    await visitor.button('Talk to us').first().waitFor();
    await run(visitor, `document.documentElement.lang = 'de'`);
    await visitor.page.getByRole('button', { name: 'Mit uns sprechen' }).nth(1).waitFor();
    await run(visitor, `document.querySelector('spelo-voice').lang = 'fr'`);
    await visitor.page.getByRole('button', { name: 'Parlez-nous' }).waitFor();
    await run(visitor, `document.querySelector('spelo-voice').removeAttribute('lang')`);
    await run(visitor, `document.documentElement.lang = 'en'`);
    await visitor.page.getByRole('button', { name: 'Talk to us' }).nth(1).waitFor();
  });

  it('that the browser translates during a call keeps the translated words', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    await visitor.button('Mute the microphone').click();
    await visitor.widget.getByText('Muted').waitFor();
    const title = `document.querySelector('spelo-voice').shadowRoot.querySelector('[part=title]')`;
    await run(visitor, `${title}.textContent = 'Stumm'`);
    await ticks(visitor);
    expect(await run(visitor, `${title}.textContent`)).toMatch(/Stumm|Speaking/);
    expect(await run(visitor, `${title}.textContent`)).not.toBe('Muted');
  });

  it('with keyboard shortcuts does not react to text that the visitor types in the widget', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body><script>
        window.keys = [];
        for (const type of ['keydown', 'keypress', 'keyup'])
          addEventListener(type, (event) => { keys.push(event.key); event.preventDefault(); });
        navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); };
      </script>${element(siteId)}${script()}`);
    await visitor.startCall();
    await visitor.button('Type instead').click();
    const field = visitor.widget.getByRole('textbox', { name: 'Type your message' });
    await field.waitFor();
    await run(visitor, 'keys.length = 0');
    await field.pressSequentially('/s?');
    expect(await field.inputValue()).toBe('/s?');
    expect(await run(visitor, 'keys')).toEqual([]);
  });

  it.each([
    ['without permission for the microphone', '', /^error$/],
    ['with permission for the microphone', 'allow="microphone; autoplay"', IN_CALL],
  ])('in a frame of another site %s holds a call or reports page_policy', async (_, attributes, state) => {
    const help = await startHostPage(stage.stack.url, stage.widget);
    const { siteId } = await stage.tenant({}, { allowed_origins: [help.origin] });
    const src = help.url(siteId);
    const visitor = await open(`<iframe src="${src}" ${attributes} width="900" height="700"></iframe>`);
    await startInFrame(visitor);
    await reachesInFrame(visitor, state);
    const told = await visitor.page.frames()[1]?.evaluate<readonly Told[]>('told');
    const codes = (told ?? []).filter(({ type }) => type === 'spelo-error').map(({ detail }) => detail.code);
    expect(codes).toEqual(attributes === '' ? ['page_policy'] : []);
    await help.close();
  });

  it('in a frame without an origin shows that there is no voice, and no error is thrown', async () => {
    const { siteId } = await stage.tenant();
    const src = stage.host.show(`<body>${element(siteId)}${script()}`);
    const sandbox = 'sandbox="allow-scripts" allow="microphone"';
    const visitor = await open(`<iframe src="${src}" ${sandbox} width="900" height="700"></iframe>`);
    await startInFrame(visitor);
    await reachesInFrame(visitor, /^error$/);
    expect(visitor.console.filter((line) => line.startsWith('uncaught'))).toEqual([]);
  });
});

describeInBrowser('a call on a real web page', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  const silentCall = async (attributes = '') => {
    const silent = await stage.browser({ speech: SILENCE });
    await controlPages(silent);
    const tenant = await stage.tenant();
    return { visitor: await stage.call(silent, tenant, attributes), tenant, silent };
  };
  const dropCall = (): void => {
    const { liveCalls, dropCall: drop } = openAiOf(stage.stack);
    drop(liveCalls.at(-1) ?? '');
  };

  it('is reconnected even if the browser believes that it is offline', async () => {
    const { visitor } = await silentCall();
    await run(visitor, `Object.defineProperty(navigator, 'onLine', { value: false })`);
    dropCall();
    await visitor.passes('reconnecting');
    await visitor.reaches('listening');
    expect(await visitor.told('error')).toEqual([]);
  });

  it('ends if the visitor hangs up during a reconnect, and the slot is free', async () => {
    const { visitor, tenant, silent } = await silentCall();
    await silent.setOffline(true);
    dropCall();
    await visitor.reaches('reconnecting');
    await visitor.button('Hang up').click();
    await visitor.reaches('ended');
    expect((await visitor.microphones()).map(({ isLive }) => isLive)).toEqual([false]);
    await silent.setOffline(false);
    await stage.linesAreFree(tenant);
    expect(callRequests(stage.stack)).toHaveLength(1);
  });

  it('is not reopened if the owner ended it while the network was down', async () => {
    const { visitor, tenant, silent } = await silentCall();
    const [connected] = await visitor.told('connected');
    await silent.setOffline(true);
    const path = `/v1/sites/${tenant.siteId}/sessions/${connected?.detail.session_id}/end`;
    await stage.stack.call('POST', path, { as: tenant.owner });
    await visitor.reaches('reconnecting');
    await silent.setOffline(false);
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('The owner of this site ended the call.');
    expect(callRequests(stage.stack)).toHaveLength(1);
  });

  it('is not reopened while the broker cannot say that the owner has ended it', async () => {
    const { visitor, tenant } = await silentCall();
    const [connected] = await visitor.told('connected');
    let lostReports = 0;
    await visitor.page.route('**/events', (route) => {
      lostReports += 1;
      return route.abort();
    });
    const path = `/v1/sites/${tenant.siteId}/sessions/${connected?.detail.session_id}/end`;
    await stage.stack.call('POST', path, { as: tenant.owner });
    await visitor.reaches('reconnecting');
    const before = lostReports;
    while (lostReports < before + 3) await visitor.page.waitForTimeout(50);
    await visitor.page.unroute('**/events');
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('The owner of this site ended the call.');
    expect(callRequests(stage.stack)).toHaveLength(1);
  });

  it.each(['-5', '0', 'NaN', ''])('is not ended immediately by idle-seconds="%s"', async (seconds) => {
    const { visitor } = await silentCall(`idle-seconds="${seconds}"`);
    await ticks(visitor);
    await later(visitor, 40_000);
    await ticks(visitor);
    expect(await stateOf(visitor)).toBe('listening');
  });

  it('shows no idle warning in the first half of a short idle time', async () => {
    const { visitor } = await silentCall('idle-seconds="14"');
    await ticks(visitor);
    expect(await visitor.widget.getByText('Are you still there?').count()).toBe(0);
    await later(visitor, 7_000);
    await visitor.widget.getByText('Are you still there?').waitFor();
  });

  it('is not affected by a computer clock that is set back', async () => {
    const { visitor, tenant } = await silentCall();
    await run(visitor, `{ const now = Date.now; Date.now = () => now() - 3_600_000; }`);
    await ticks(visitor);
    expect(await stateOf(visitor)).toBe('listening');
    await visitor.button('Hang up').click();
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up' });
  });

  it('keeps its microphone if the browser lists devices without IDs', async () => {
    const { visitor } = await silentCall();
    await run(
      visitor,
      `navigator.mediaDevices.enumerateDevices = async () => {
         window.isListed = true; return [{ kind: 'audioinput', deviceId: '' }]; };
       navigator.mediaDevices.dispatchEvent(new Event('devicechange'))`,
    );
    await until(visitor, 'window.isListed === true');
    await settle(visitor);
    expect(await visitor.microphones()).toEqual([{ isLive: true, isOn: true }]);
  });

  it('that is cancelled during the permission prompt closes the microphone as soon as it is granted', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(`<body><script>{
        const { mediaDevices } = navigator;
        const given = mediaDevices.getUserMedia.bind(mediaDevices);
        const allowed = new Promise((resolve) => { window.allow = resolve; });
        mediaDevices.getUserMedia = async (wanted) => { await allowed; return given(wanted); };
      }</script>${element(siteId)}${script()}`);
    await visitor.startCall();
    await visitor.button('Cancel').click();
    await visitor.reaches('idle');
    await run(visitor, 'allow()');
    await until(visitor, 'microphones.length === 1');
    await until(visitor, `microphones[0].readyState === 'ended'`);
    expect(callsOf(visitor)).toBe(0);
  });
});

/** The APIs that Safari 15.0 lacks, and its rules, as far as Chromium can be made to follow them. */
const LIKE_SAFARI_15 = `{
  delete Object.hasOwn; delete Array.prototype.at; delete String.prototype.at; delete Array.prototype.findLast;
  delete window.structuredClone; delete AbortSignal.any; delete AbortSignal.timeout; delete Document.prototype.featurePolicy;
  delete Navigator.prototype.connection; delete Crypto.prototype.randomUUID;
  window.CSSStyleSheet = class { constructor() { throw new TypeError('Illegal constructor'); } };
  delete ShadowRoot.prototype.adoptedStyleSheets;
  const { supports } = DOMTokenList.prototype;
  DOMTokenList.prototype.supports = function (name) { return name !== 'modulepreload' && supports.call(this, name); };
}`;

/** iOS during a phone call or Siri: sound pauses, does not play before a gesture, and the microphone is muted. */
const INTERRUPTIONS = `{
  window.sounds = new Set();
  window.contexts = [];
  let isInterrupted = false;
  const { play } = HTMLMediaElement.prototype;
  HTMLMediaElement.prototype.play = function () {
    sounds.add(this);
    return isInterrupted ? Promise.reject(new DOMException('', 'NotAllowedError')) : play.call(this);
  };
  const Context = window.AudioContext;
  window.AudioContext = class extends Context {
    constructor() { super(); contexts.push(this); this.resumed = 0; }
    get state() { return isInterrupted ? 'interrupted' : super.state; }
    resume() { this.resumed += 1; return super.resume(); }
  };
  window.interrupt = () => {
    isInterrupted = true;
    for (const sound of sounds) sound.pause();
    microphones[0].dispatchEvent(new Event('mute'));
  };
  window.endInterruption = () => {
    isInterrupted = false;
    microphones[0].dispatchEvent(new Event('unmute'));
  };
}`;

describeInBrowser('a visitor with Safari, as far as Chromium can simulate it', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('can hold a call without the APIs that Safari 15 lacks', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(
      `<body><script>${LIKE_SAFARI_15}</script>
       <script>document.write('<spelo-voice id="a" site-id="${siteId}"></spelo-voice>'); a.strings = { again: 'Once more' };</script>
       ${script()}`,
    );
    await visitor.startCall();
    await visitor.passes('speaking');
    const corner = await visitor.button('Hang up').evaluate((button) => {
      const { borderRadius } = Reflect.get(globalThis, 'getComputedStyle')(button);
      return borderRadius;
    });
    expect(corner).toBe('999px');
    await visitor.button('Hang up').click();
    await visitor.button('Once more').waitFor();
    expect(visitor.console).toEqual([]);
  });

  it('sees an interruption by a phone call, and the next gesture restores the sound', async () => {
    await browser.addInitScript(INTERRUPTIONS);
    const visitor = await stage.call(browser, await stage.tenant());
    await visitor.passes('speaking');
    await run(visitor, 'interrupt()');
    await visitor.button('Tap to hear').waitFor();
    await visitor.page.getByRole('heading', { name: 'Shop' }).click();
    expect(await run(visitor, 'contexts[0].resumed')).toBe(0);
    await run(visitor, 'endInterruption()');
    await visitor.page.getByRole('heading', { name: 'Shop' }).click();
    await visitor.button('Tap to hear').waitFor({ state: 'detached' });
    expect(await run(visitor, '[...sounds].every(({ paused }) => !paused)')).toBe(true);
    expect(await stateOf(visitor)).toMatch(IN_CALL);
  });

  it('gets a new microphone after an interruption that ended the first one', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    await run(
      visitor,
      `interrupt(); microphones[0].stop(); microphones[0].dispatchEvent(new Event('ended')); endInterruption()`,
    );
    await until(visitor, 'microphones.length === 2');
    await visitor.page.keyboard.press('Shift');
    await visitor.button('Tap to hear').waitFor({ state: 'detached' });
    expect(await visitor.microphones()).toEqual([
      { isLive: false, isOn: true },
      { isLive: true, isOn: true },
    ]);
  });

  it('without WebRTC, as in Lockdown Mode or an old web view, reads that this browser is not supported', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await open(
      `<body><script>delete window.RTCPeerConnection;</script>${element(siteId)}${script()}`,
    );
    await visitor.startCall();
    await visitor.reaches('error');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'unsupported' } }]);
    expect(callsOf(visitor)).toBe(0);
  });

  it('without beacons still reports the end of a call when the page closes', async () => {
    const tenant = await stage.tenant();
    const visitor = await stage.call(browser, tenant);
    await visitor.told('connected');
    await run(visitor, 'navigator.sendBeacon = () => false');
    await visitor.page.goto('about:blank');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'page_closed' });
  });
});
