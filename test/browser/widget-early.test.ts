import { expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import type { Tenant } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

/** The browser asks for the microphone until the test answers for the visitor. */
const HELD = `
  window.peers = [];
  window.requested = [];
  window.created = 0;
  const Peer = RTCPeerConnection;
  window.RTCPeerConnection = class extends Peer {
    constructor(...given) {
      super(...given);
      window.created += 1;
    }
  };
  const describe = RTCPeerConnection.prototype.setLocalDescription;
  RTCPeerConnection.prototype.setLocalDescription = function (...given) {
    window.peers.push(this);
    return describe.apply(this, given);
  };
  const ask = navigator.mediaDevices.getUserMedia;
  let wasGranted;
  window.granted = new Promise((resolve) => { wasGranted = resolve; });
  window.asked = new Promise((wasAsked) => {
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      requested.push(document.querySelector('spelo-voice').state);
      wasAsked();
      await new Promise((allow, refuse) => {
        window.allow = allow;
        window.refuse = () => refuse(new DOMException('', 'NotAllowedError'));
      });
      const stream = await ask(wanted);
      // After the widget has seen it.
      setTimeout(wasGranted);
      return stream;
    };
  });
  undefined`;

const callsOf = ({ requests }: Visitor): readonly string[] =>
  requests
    .map((request) => `${request.method()} ${request.url()}`)
    .filter((text) => /\/(?:calls|token)$/.test(text));

/** A visitor whose browser asks for the microphone. */
const asking = async (): Promise<{ readonly visitor: Visitor; readonly tenant: Tenant }> => {
  const tenant = await stage.tenant();
  const visitor = await visit(browser, stage.host.url(tenant.siteId));
  await visitor.page.evaluate(HELD);
  await visitor.startCall();
  await visitor.page.evaluate('asked');
  expect(callsOf(visitor)).toEqual([]);
  expect(await offers(visitor)).toBe(0);
  return { visitor, tenant };
};

const offers = (visitor: Visitor): Promise<number> => visitor.page.evaluate('peers.length');
const connections = (visitor: Visitor): Promise<number> => visitor.page.evaluate('created');

/** Waits until an expression holds in the page, whose policy forbids `waitForFunction`. */
const becomes = (visitor: Visitor, holds: string): Promise<void> =>
  visitor.page.evaluate(`new Promise((resolve) => {
    const look = () => (${holds}) ? resolve() : setTimeout(look, 20);
    look();
  })`);

/** A visitor who has agreed to the notice on an earlier call, and whose browser asks for the microphone. */
const returning = async (): Promise<Visitor> => {
  const { siteId } = await stage.tenant();
  const visitor = await visit(browser, stage.host.url(siteId));
  await visitor.page.evaluate(`localStorage.setItem('spelo-voice:notice', '1')`);
  await visitor.page.evaluate(HELD);
  await visitor.button('Talk to us').click();
  await visitor.page.evaluate('asked');
  return visitor;
};

describeInBrowser('the widget before and during the start of a call', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('connects to the broker when a visitor comes near, but opens no microphone and no call before consent', async () => {
    const newcomer = await stage.browser();
    const tenant = await stage.tenant();
    const visitor = await visit(newcomer, stage.host.url(tenant.siteId));
    const links = (): Promise<readonly string[]> =>
      visitor.page.evaluate(`[...document.querySelectorAll('link[rel=preconnect]')].map(({ href }) => href)`);
    expect(await links()).toEqual([]);
    await visitor.button('Talk to us').hover();
    expect(await links()).toContain(`${stage.stack.url}/`);
    await visitor.button('Talk to us').click();
    await visitor.reaches('notice');
    await visitor.button('Agree and start').hover();
    expect(await visitor.microphones()).toEqual([]);
    expect(callsOf(visitor)).toEqual([]);
    expect(await stage.meters(tenant)).toEqual([]);
  });

  it('creates and sends the offer only after the visitor has allowed the microphone', async () => {
    const { visitor, tenant } = await asking();
    expect(await stage.meters(tenant)).toEqual([]);
    await visitor.page.evaluate('allow()');
    await visitor.passes('listening');
    expect(callsOf(visitor)).toEqual([`POST ${stage.stack.url}/v1/${tenant.siteId}/calls`]);
    expect(await visitor.microphones()).toEqual([{ isLive: true, isOn: true }]);
  });

  it('creates and sends no offer for a visitor who refuses the microphone', async () => {
    const { visitor } = await asking();
    await visitor.page.evaluate('refuse()');
    await visitor.reaches('error');
    expect(callsOf(visitor)).toEqual([]);
    expect(await offers(visitor)).toBe(0);
    expect(await connections(visitor)).toBe(0);
  });

  it('requests the microphone of a returning visitor in the click, before the page shows the call', async () => {
    const visitor = await returning();
    expect(await visitor.page.evaluate('requested')).toEqual(['idle']);
    await visitor.reaches('connecting');
    await visitor.page.evaluate('allow()');
    await visitor.passes('listening');
  });

  it('loads the extras during the permission prompt, and renders them after the request for the call', async () => {
    const visitor = await returning();
    const captions = visitor.widget.locator('[part=captions]');
    await becomes(
      visitor,
      `performance.getEntriesByType('resource').some(({ name }) => name.includes('-extras-'))`,
    );
    expect(await captions.count()).toBe(0);
    await visitor.page.evaluate('allow()');
    await visitor.passes('listening');
    await captions.waitFor({ state: 'attached' });
  });

  it('offers typing to a returning visitor who refuses the microphone', async () => {
    const visitor = await returning();
    await visitor.page.evaluate('refuse()');
    await visitor.button('Type instead').waitFor();
    expect(await connections(visitor)).toBe(0);
  });

  it('ignores a second start during the permission prompt: one microphone, one request', async () => {
    const visitor = await returning();
    await visitor.page.evaluate(`document.querySelector('spelo-voice').start()`);
    await visitor.page.evaluate('allow()');
    await visitor.passes('listening');
    expect(await visitor.page.evaluate('requested.length')).toBe(1);
    expect(callsOf(visitor)).toHaveLength(1);
  });

  it('opens no call and closes the microphone if its element is removed during the permission prompt', async () => {
    const visitor = await returning();
    await visitor.page.evaluate(`window.element = document.querySelector('spelo-voice'); element.remove()`);
    await becomes(visitor, `element.state === 'idle'`);
    await visitor.page.evaluate('allow()');
    await visitor.page.evaluate('granted');
    await becomes(visitor, `microphones.every(({ readyState }) => readyState === 'ended')`);
    expect(callsOf(visitor)).toEqual([]);
    expect(await connections(visitor)).toBe(0);
  });

  it('sends no request and leaves nothing open if its element is removed while the offer is created', async () => {
    const visitor = await returning();
    await visitor.page.evaluate(`
      window.offering = new Promise((isOffering) => {
        const describe = RTCPeerConnection.prototype.setLocalDescription;
        RTCPeerConnection.prototype.setLocalDescription = async function (...given) {
          window.element = document.querySelector('spelo-voice');
          await describe.apply(this, given);
          isOffering();
          await new Promise((resolve) => { window.offer = resolve; });
        };
      });
      undefined`);
    await visitor.page.evaluate('allow()');
    await visitor.page.evaluate('offering');
    await visitor.page.evaluate('element.remove()');
    await becomes(visitor, `element.state === 'idle'`);
    await visitor.page.evaluate('offer()');
    await becomes(
      visitor,
      `peers.length === 1 && peers.every(({ signalingState }) => signalingState === 'closed')`,
    );
    expect(await visitor.microphones()).toEqual([{ isLive: false, isOn: true }]);
    expect(callsOf(visitor)).toEqual([]);
    expect(visitor.console.filter((line) => line.startsWith('uncaught'))).toEqual([]);
  });

  it('sends no offer after a cancel during the permission prompt, and closes a microphone that is allowed later', async () => {
    const { visitor } = await asking();
    await visitor.button('Cancel').click();
    await visitor.reaches('idle');
    await visitor.page.evaluate('allow()');
    await visitor.page.evaluate('granted');
    expect(await visitor.microphones()).toEqual([{ isLive: false, isOn: true }]);
    expect(callsOf(visitor)).toEqual([]);
    expect(await offers(visitor)).toBe(0);
    expect(visitor.console.filter((line) => line.startsWith('uncaught'))).toEqual([]);
  });

  it('throws no error if the browser refuses the microphone immediately', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(siteId));
    await visitor.page.evaluate(`
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));
      undefined`);
    await visitor.startCall();
    await visitor.reaches('error');
    expect((await visitor.told('error')).map(({ detail }) => detail.code)).toEqual(['microphone_blocked']);
    expect(visitor.console.filter((line) => line.startsWith('uncaught'))).toEqual([]);
  });

  it('replaces a microphone that ends at the moment of connection', async () => {
    const { siteId } = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(siteId));
    await visitor.page.evaluate(`
      const replace = RTCRtpSender.prototype.replaceTrack;
      const hasSecond = (resolve) =>
        microphones.length === 2 ? setTimeout(resolve) : setTimeout(() => hasSecond(resolve));
      RTCRtpSender.prototype.replaceTrack = async function (track) {
        window.sender = this;
        await replace.call(this, track);
        if (microphones.length === 2) return;
        microphones[0].stop();
        microphones[0].dispatchEvent(new Event('ended'));
        await new Promise(hasSecond);
      };
      undefined`);
    await visitor.startCall();
    await visitor.passes('listening');
    expect(await visitor.page.evaluate('sender.track === microphones[1]')).toBe(true);
  });
});
