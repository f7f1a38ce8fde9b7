import { randomUUID } from 'node:crypto';
import { expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import type { BrowserContext } from 'playwright-core';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { secretFinder } from '../support/find-secret.ts';
import { asOwner, type KeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { fakeKey, mint } from '../support/tenant.ts';
import { describeInBrowser } from './support/browser.ts';
import { SILENCE } from './support/microphone.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

/** Ends the latest call from OpenAI's side, as the owner of the key could. */
const hangUpAtOpenAi = async ({ key }: KeyedTenant): Promise<void> => {
  const { baseUrl, liveCalls } = openAiOf(stage.stack);
  const response = await fetch(`${baseUrl}/realtime/calls/${liveCalls.at(-1)}/hangup`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
  expect(response.status).toBe(200);
};

/** Changes what the broker answers before the widget sees it. */
const changeCall = async (visitor: Visitor, change: (data: CallData) => void): Promise<void> => {
  await visitor.page.route('**/calls', async (route) => {
    const response = await route.fetch();
    const answer = await response.json();
    change(answer.data);
    await route.fulfill({ response, json: answer });
  });
};

interface CallData {
  max_duration_seconds: number;
}

/** The answer of OpenAI leads nowhere: the call stays in `connecting`. */
const neverConnects = (visitor: Visitor): Promise<unknown> =>
  visitor.page.evaluate('RTCPeerConnection.prototype.setRemoteDescription = () => new Promise(() => {})');

describeInBrowser('a visitor who talks', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('reads the privacy notice, speaks, gets an answer and hangs up, and the broker counts the call without exposing the key', async () => {
    const newcomer = await stage.browser();
    const tenant = await stage.tenant();
    const visitor = await visit(newcomer, stage.host.url(tenant.siteId));
    await visitor.button('Talk to us').click();
    await visitor.reaches('notice');
    expect(await visitor.text()).toContain('Your voice goes from this browser to OpenAI.');
    expect(await visitor.microphones()).toEqual([]);

    await visitor.button('Agree and start').click();
    await visitor.passes('speaking');
    await visitor.reaches('listening');
    expect(await visitor.text()).toContain('Hello, this is the voice of the stand-in.');
    const [usage] = await visitor.told('usage');
    expect(usage?.detail.usage.output_token_details.audio_tokens).toBeGreaterThan(0);
    await visitor.button('Hang up').click();
    await visitor.reaches('ended');
    expect(await visitor.microphones()).toEqual([{ isLive: false, isOn: true }]);

    const metrics = await stage.endedMeter(tenant);
    expect(metrics).toMatchObject({ endReason: 'hung_up' });
    expect(metrics.connectedAtMs).not.toBeNull();
    expect(metrics.responses).toBeGreaterThanOrEqual(1);
    const [connected] = await visitor.told('connected');
    expect(connected?.detail.session_id).toBe(metrics.sessionId);
    expect(visitor.console).toEqual([]);

    const secrets = secretFinder({ key: tenant.key });
    const sent = visitor.requests.map((request) =>
      JSON.stringify([request.url(), request.headers(), request.postData()]),
    );
    const kept = await visitor.page.evaluate<string>(
      'JSON.stringify([localStorage, sessionStorage, document.cookie])',
    );
    const shown = (await visitor.text()) + (await visitor.page.content());
    for (const place of [...sent, kept, shown, ...visitor.console]) expect(secrets.find(place)).toEqual([]);
    expect(kept).not.toContain('ek_');
    expect(shown).not.toContain('ek_');
  });

  it('sees the notice once for each version', async () => {
    const newcomer = await stage.browser();
    const { siteId } = await stage.tenant();
    const first = await visit(newcomer, stage.host.url(siteId));
    await first.startCall();
    await first.reaches('listening');
    await first.page.close();

    const second = await visit(newcomer, stage.host.url(siteId));
    await second.button('Talk to us').click();
    await second.reaches('listening');
    expect((await second.told('state')).map(({ detail }) => detail.state)).not.toContain('notice');
    await second.page.close();

    const third = await visit(newcomer, stage.host.url(siteId, 'notice-version="2"'));
    await third.button('Talk to us').click();
    await third.reaches('notice');
    await third.button('Not now').click();
    await third.reaches('idle');
    expect(await third.microphones()).toEqual([]);
  });

  it('waits while the only slot is taken, and gets in when the first visitor hangs up', async () => {
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    const first = await stage.call(browser, tenant);
    const second = await visit(await stage.browser(), stage.host.url(tenant.siteId));
    await second.startCall();
    await second.reaches('busy');
    expect(await second.text()).toMatch(/All lines are busy.*A line should be free in \d+:\d\d/);
    expect(await second.button('Try again').isDisabled()).toBe(true);
    const [told] = await second.told('error');
    expect(told?.detail).toMatchObject({ code: 'busy', retryAfter: expect.any(Number) });

    await first.button('Hang up').click();
    await stage.endedMeter(tenant);
    // The click waits for the button, which rests for some seconds.
    await second.button('Try again').click();
    await second.reaches('listening');
  });

  it('closes the tab during a call: the end is reported and the slot is free', async () => {
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    const visitor = await stage.call(browser, tenant);
    await visitor.told('connected');
    await visitor.page.close({ runBeforeUnload: true });
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'page_closed' });
    await stage.linesAreFree(tenant);
    expectSuccess(await mint(stage.stack, tenant, {}, stage.host.origin));
  });

  it('loses the tab in a crash during a call: the slot is free when its lease has expired', async () => {
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    const visitor = await stage.call(browser, tenant);
    await visitor.told('connected');
    const crashed = visitor.page.waitForEvent('crash');
    const devTools = await browser.newCDPSession(visitor.page);
    // Nobody answers any more.
    void devTools.send('Page.crash').catch(() => undefined);
    await crashed;
    const refused = await mint(stage.stack, tenant, {}, stage.host.origin);
    expectRefusal(refused, 429, 'busy');
    // `Retry-After` is 60 s at most; a silent call is hung up after 75 to 135 s.
    stage.stack.advance(136_000);
    await stage.stack.sweep();
    await stage.stack.hangUps.drain();
    expectSuccess(await mint(stage.stack, tenant, {}, stage.host.origin));
  });

  it('is hung up with a reason if the key is deleted during a call, and the next visitor reads that voice is not set up', async () => {
    const tenant = await stage.tenant();
    const visitor = await stage.call(browser, tenant);
    await asOwner(stage.stack, tenant, 'DELETE', `/v1/workspaces/${tenant.workspaceId}/openai-key`);
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('The owner of this site ended the call.');
    const next = await visit(await stage.browser(), stage.host.url(tenant.siteId));
    await next.startCall();
    await next.reaches('error');
    expect(await next.told('error')).toMatchObject([{ detail: { code: 'openai_key_missing' } }]);
  });

  it('goes to another page during a call: the end is reported', async () => {
    const tenant = await stage.tenant();
    const visitor = await stage.call(browser, tenant);
    await visitor.page.goto('about:blank');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'page_closed' });
  });

  it('closes the tab while the call connects: the slot is free', async () => {
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    await neverConnects(visitor);
    const answered = visitor.page.waitForResponse(/\/calls$/);
    await visitor.startCall();
    await answered;
    await visitor.page.waitForTimeout(300);
    await visitor.page.close({ runBeforeUnload: true });
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'page_closed', connectedAtMs: null });
  });

  it('returns by the back button after the call: the start button is there again', async () => {
    const tenant = await stage.tenant();
    const visitor = await stage.call(browser, tenant);
    await visitor.page.goto(stage.host.scriptOnlyUrl(tenant.siteId));
    await visitor.page.goBack();
    expect(['idle', 'ended']).toContain(
      await visitor.widget.evaluate((element) => Reflect.get(element, 'state')),
    );
  });

  it('cancels while the call connects: the slot is free immediately', async () => {
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    await neverConnects(visitor);
    const answered = visitor.page.waitForResponse(/\/calls$/);
    await visitor.startCall();
    await answered;
    await visitor.button('Cancel').click();
    await visitor.reaches('idle');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up', connectedAtMs: null });
    await stage.linesAreFree(tenant);
    expectSuccess(await mint(stage.stack, tenant, {}, stage.host.origin));
  });

  it('can mute and unmute the microphone', async () => {
    const visitor = await stage.call(browser, await stage.tenant());
    const mute = visitor.button('Mute the microphone');
    await mute.click();
    expect(await mute.getAttribute('aria-pressed')).toBe('true');
    expect(await visitor.microphones()).toEqual([{ isLive: true, isOn: false }]);
    await mute.click();
    expect(await visitor.microphones()).toEqual([{ isLive: true, isOn: true }]);
  });

  it('is reconnected in a new call on the same slot if OpenAI ends the call, and reads when it is lost again', async () => {
    const openAi = openAiOf(stage.stack);
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    const visitor = await stage.call(browser, tenant);
    await hangUpAtOpenAi(tenant);
    await visitor.passes('reconnecting');
    await visitor.reaches('listening');
    expect(await visitor.told('error')).toEqual([]);
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'connection_lost' });
    openAi.dropCall(openAi.liveCalls.at(-1) ?? '');
    await visitor.reaches('error');
    expect(await visitor.text()).toContain('The connection was lost.');
    expect(await stage.endedMeter(tenant, 2)).toMatchObject({ endReason: 'connection_lost' });
    expect(await stage.meters(tenant)).toHaveLength(2);
  });

  it('opens a call with the embed token that the page gets from its server', async () => {
    const tenant = await stage.tenant({}, { require_embed_token: true });
    const path = `/v1/sites/${tenant.siteId}/embed-key`;
    const { secret } = await asOwner(stage.stack, tenant, 'PUT', path, { algorithm: 'HS256' });
    const token = await new SignJWT({ aud: tenant.siteId, sub: 'visitor-1', jti: randomUUID() })
      .setProtectedHeader({ alg: 'HS256' })
      .setExpirationTime(Math.floor(stage.stack.now().getTime() / 1_000) + 120)
      .sign(new TextEncoder().encode(secret));
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    await visitor.widget.evaluate((element, text) => {
      Reflect.set(element, 'getEmbedToken', async () => text);
    }, token);
    await visitor.startCall();
    await visitor.reaches('listening');
    const other = await visit(browser, stage.host.url(tenant.siteId));
    await other.startCall();
    await other.reaches('error');
    expect(await other.told('error')).toMatchObject([{ detail: { code: 'embed_token_invalid' } }]);
  });

  it('reads that the owner of the site ended the call from the dashboard', async () => {
    const tenant = await stage.tenant();
    const visitor = await stage.call(browser, tenant);
    const [connected] = await visitor.told('connected');
    const path = `/v1/sites/${tenant.siteId}/sessions/${connected?.detail.session_id}/end`;
    expectSuccess(await stage.stack.call('POST', path, { as: tenant.owner }), 202);
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('The owner of this site ended the call.');
    expect(await stage.meters(tenant)).toHaveLength(1);
  });

  it('talks on a locked site without a data channel: the sound shows whose turn it is, without captions', async () => {
    const tenant = await stage.tenant({}, { control: 'locked' });
    const visitor = await stage.call(browser, tenant);
    await visitor.passes('speaking');
    expect(await visitor.button('Captions').count()).toBe(0);
    expect(await visitor.told('caption')).toEqual([]);
    const opened = () => visitor.requests.filter((request) => request.url().endsWith('/calls'));
    expect(opened().map((request) => request.postDataJSON().sdp.includes('m=application'))).toEqual([
      true,
      false,
    ]);
    await visitor.button('Hang up').click();
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up' });
    await visitor.button('Talk again').click();
    await visitor.reaches('listening');
    expect(opened()).toHaveLength(3);
  });

  it.each([
    ['behind', -20],
    ['ahead', 20],
  ])("is counted even if the computer's clock is 20 minutes %s", async (_, minutes) => {
    const wrong = await stage.browser();
    await wrong.addInitScript(`{
      const now = Date.now.bind(Date);
      Date.now = () => now() + ${minutes * 60_000};
    }`);
    const tenant = await stage.tenant();
    const visitor = await stage.call(wrong, tenant);
    await visitor.button('Hang up').click();
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up' });
  });

  it('is hung up if nobody speaks for a while', async () => {
    const silent = await stage.browser({ speech: SILENCE });
    const tenant = await stage.tenant();
    const visitor = await stage.call(silent, tenant, 'idle-seconds="3"');
    expect(await visitor.text()).not.toContain('Nobody spoke');
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('Nobody spoke for a while.');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'idle' });
  });

  it('is hung up at the maximum duration', async () => {
    const tenant = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    await changeCall(visitor, (data) => {
      data.max_duration_seconds = 2;
    });
    await visitor.startCall();
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('The call reached its maximum length.');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'max_duration' });
  });

  it('is hung up if the site is archived during a call', async () => {
    const tenant = await stage.tenant();
    const visitor = await stage.call(browser, tenant);
    const callId = openAiOf(stage.stack).liveCalls.at(-1);
    await asOwner(stage.stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`).catch(() => undefined);
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('The owner of this site ended the call.');
    await stage.callIsOver(callId);
  });

  it('reads during a call that the limit is reached if the key has no credit', async () => {
    const tenant = await stage.tenant({}, {}, fakeKey('latenoquota'));
    const visitor = await stage.call(browser, tenant);
    await visitor.reaches('error');
    expect(await visitor.text()).toContain('Voice has reached its limit.');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'failed', responses: 0 });
  });

  it('is asked to repeat if one response hits the rate limit, and the call continues', async () => {
    const tenant = await stage.tenant({}, {}, fakeKey('lateratelimited'));
    const visitor = await stage.call(browser, tenant);
    await visitor.widget.getByText('The assistant is overloaded.').waitFor();
    await visitor.reaches('listening');
  });
});
