import { createHash } from 'node:crypto';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import type { Browser, Page } from 'puppeteer-core';
import { openAiOf } from '../support/openai.ts';
import { callIdOf, createCall, hangUp } from '../support/openai-calls.ts';
import { attachSideband } from '../support/sideband.ts';
import { fakeKey } from '../support/tenant.ts';
import { describeInFirefox, launchFirefox } from './support/firefox.ts';
import { type Stage, startStage } from './support/stage.ts';

let stage: Stage;
let firefox: Browser;

/** Clicks a button within the widget, once it is there. */
const click = async (page: Page, name: string): Promise<void> => {
  const button = await page.waitForSelector(`spelo-voice >>> ::-p-aria(${name}[role="button"])`);
  await button?.click();
};

/** A call of sound only, in a page: its offer. */
const MAKE_OFFER = `(async () => {
  window.peer = new RTCPeerConnection();
  window.heard = false;
  const stream = await navigator.mediaDevices.getUserMedia({ audio: true });
  for (const track of stream.getAudioTracks()) peer.addTrack(track);
  peer.addEventListener('track', () => { window.heard = true; });
  await peer.setLocalDescription(await peer.createOffer());
  return peer.localDescription.sdp;
})()`;

describeInFirefox('a visitor with Firefox', () => {
  beforeAll(async () => {
    [stage, firefox] = await Promise.all([startStage(), launchFirefox()]);
  });
  afterAll(async () => {
    await firefox?.close();
    await stage?.close();
  });

  it('holds a call on the demo page of the local server', async () => {
    const tenant = await stage.tenant({}, { allowed_origins: [stage.stack.url] });
    stage.showDemo(tenant);
    const page = await firefox.newPage();
    await page.goto(`${stage.stack.url}/widget/demo`);
    await click(page, 'Talk to us');
    await click(page, 'Agree and start');
    await page.waitForSelector('spelo-voice[state="listening"]');
    const callId = openAiOf(stage.stack).liveCalls.at(-1);
    expect(callId).toBeDefined();
    // The part that is loaded on demand is there.
    await page.waitForSelector('spelo-voice >>> ::-p-aria(Captions[role="button"])');
    await page.close();
    await stage.callIsOver(callId);
  });

  it('does not load a module whose hash differs', async () => {
    const page = await firefox.newPage();
    await page.goto(`${stage.stack.url}/widget/demo`);
    const preload = (integrity: string): Promise<unknown> =>
      page.evaluate(`new Promise((resolve) => {
        const link = document.createElement('link');
        Object.assign(link, { rel: 'modulepreload', crossOrigin: 'anonymous', integrity: '${integrity}',
          href: '/widget/${stage.widget.extras.file}?${integrity.slice(7, 12)}' });
        link.onload = () => resolve('loaded');
        link.onerror = () => resolve('refused');
        document.head.append(link);
      })`);
    const code = await (await fetch(`${stage.stack.url}/widget/${stage.widget.extras.file}`)).bytes();
    const hash = createHash('sha384').update(code).digest('base64');
    expect(await preload(`sha384-${hash}`)).toBe('loaded');
    expect(await preload(stage.widget.integrity)).toBe('refused');
    await page.close();
  });

  it('hears the assistant without a data channel in a call that a server created', async () => {
    const openAi = openAiOf(stage.stack);
    const key = fakeKey();
    const page = await firefox.newPage();
    await page.goto(stage.host.origin);
    const offer = String(await page.evaluate(MAKE_OFFER));
    const session = { type: 'realtime', model: 'gpt-realtime-2.1' };
    const response = await createCall(openAi, key, offer, session);
    const callId = callIdOf(response);
    const sideband = await attachSideband(openAi, callId, key);
    const answer = JSON.stringify({ type: 'answer', sdp: await response.text() });
    await page.evaluate(`peer.setRemoteDescription(${answer})`);
    await sideband.event('input_audio_buffer.speech_started');
    sideband.send({ type: 'response.create' });
    expect((await sideband.event('response.done')).response.status).toBe('completed');
    expect(await page.evaluate('heard')).toBe(true);
    await hangUp(openAi, callId, key);
    expect(await sideband.closed).toBe(1_000);
    await page.close();
  });
});
