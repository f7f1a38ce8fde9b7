import { afterEach, beforeAll, expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import type { KeyedTenant } from '../support/keyed-tenant.ts';
import { callRequests, openAiOf } from '../support/openai.ts';
import { describeInBrowser } from './support/browser.ts';
import { SILENCE } from './support/microphone.ts';
import { controlPages, later, say, ticks, until } from './support/open-ai-events.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

const dropCall = (): void => {
  const { liveCalls, dropCall: drop } = openAiOf(stage.stack);
  drop(liveCalls.at(-1) ?? '');
};

const hangUpAtOpenAi = async ({ key }: KeyedTenant): Promise<void> => {
  const { baseUrl, liveCalls } = openAiOf(stage.stack);
  await fetch(`${baseUrl}/realtime/calls/${liveCalls.at(-1)}/hangup`, {
    method: 'POST',
    headers: { authorization: `Bearer ${key}` },
  });
};

const stateOf = (visitor: Visitor): Promise<string | null> => visitor.widget.getAttribute('state');
const statesOf = async (visitor: Visitor): Promise<readonly string[]> =>
  (await visitor.told('state')).map(({ detail }) => detail.state);

describeInBrowser('a call of the widget', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  let silent: BrowserContext;
  beforeAll(async () => {
    silent = await stage.browser({ speech: SILENCE });
    await controlPages(silent);
  });
  afterEach(async () => {
    await silent.setOffline(false);
    await Promise.all(silent.pages().map((page) => page.close()));
  });

  const silentCall = async (attributes = ''): Promise<{ visitor: Visitor; tenant: KeyedTenant }> => {
    const tenant = await stage.tenant();
    return { visitor: await stage.call(silent, tenant, attributes), tenant };
  };

  it('survives a network outage of some seconds', async () => {
    const { visitor, tenant } = await silentCall();
    await silent.setOffline(true);
    await hangUpAtOpenAi(tenant);
    await visitor.reaches('reconnecting');
    await visitor.page.waitForTimeout(2_000);
    expect(await stateOf(visitor)).toBe('reconnecting');
    await silent.setOffline(false);
    await visitor.reaches('listening');
    expect(await visitor.told('error')).toEqual([]);
  });

  it('shows that the connection is lost if the network stays down', async () => {
    const { visitor, tenant } = await silentCall();
    await silent.setOffline(true);
    await hangUpAtOpenAi(tenant);
    await visitor.reaches('reconnecting');
    await later(visitor, 31_000);
    await visitor.reaches('error');
    expect(await visitor.text()).toContain('The connection was lost.');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'connection_lost' } }]);
    expect(await visitor.told('ended')).toMatchObject([{ detail: { reason: 'connection_lost' } }]);
  });

  it('can reconnect once more after three minutes of good connection', async () => {
    const { visitor } = await silentCall('idle-seconds="10000"');
    dropCall();
    await visitor.passes('reconnecting');
    await visitor.reaches('listening');
    await later(visitor, 181_000);
    dropCall();
    await until(visitor, `told.filter(({ detail }) => detail.state === 'reconnecting').length === 2`);
    await visitor.reaches('listening');
  });

  it('releases the slot that was being acquired when the visitor cancelled', async () => {
    const tenant = await stage.tenant({ concurrency_limit: 1 });
    openAiOf(stage.stack).inject({ path: '/v1/realtime/calls', delayMs: 1_500, times: 1 });
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    const requested = visitor.page.waitForRequest(/\/calls$/);
    await visitor.startCall();
    await requested;
    await visitor.button('Cancel').click();
    await visitor.reaches('idle');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up', connectedAtMs: null });
    await stage.linesAreFree(tenant);
    await visitor.button('Talk to us').click();
    await visitor.reaches('listening');
  });

  it('continues with another microphone if its own ends, and stays muted', async () => {
    const { visitor } = await silentCall();
    await visitor.button('Mute the microphone').click();
    await visitor.page.evaluate(`microphones[0].stop(); microphones[0].dispatchEvent(new Event('ended'))`);
    await until(visitor, `microphones.length === 2`);
    await until(visitor, `peer.getSenders()[0].track === microphones[1]`);
    expect(await visitor.microphones()).toEqual([
      { isLive: false, isOn: false },
      { isLive: true, isOn: false },
    ]);
    expect(await stateOf(visitor)).toBe('listening');
    expect(callRequests(stage.stack)).toHaveLength(1);
  });

  it.each([
    ['NotFoundError', 'microphone_missing'],
    ['NotAllowedError', 'microphone_blocked'],
  ])('ends if its microphone ends and another one fails with %s, and shows %s', async (name, code) => {
    const { visitor } = await silentCall();
    await visitor.page.evaluate(`
      navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '${name}'));
      microphones[0].stop(); microphones[0].dispatchEvent(new Event('ended'))`);
    await visitor.reaches('error');
    expect(await visitor.told('error')).toMatchObject([{ detail: { code } }]);
  });

  it('switches to another microphone if the device is no longer listed', async () => {
    const { visitor } = await silentCall();
    await visitor.page.evaluate(`
      navigator.mediaDevices.enumerateDevices = async () => [{ kind: 'audioinput', deviceId: 'other' }];
      navigator.mediaDevices.dispatchEvent(new Event('devicechange'))`);
    await until(visitor, `microphones.length === 2`);
    await until(visitor, `peer.getSenders()[0].track === microphones[1]`);
  });

  it('shows that the system muted the microphone until the mute ends', async () => {
    const { visitor } = await silentCall();
    await visitor.page.evaluate(`microphones[0].dispatchEvent(new Event('mute'))`);
    const note = visitor.widget.getByText('Your microphone is silent.');
    await note.waitFor();
    await ticks(visitor);
    expect(await note.isVisible()).toBe(true);
    await visitor.page.evaluate(`microphones[0].dispatchEvent(new Event('unmute'))`);
    await note.waitFor({ state: 'hidden' });
  });

  it('offers to play sound that the browser blocked', async () => {
    const context = await stage.browser();
    await context.addInitScript(`
      const play = HTMLMediaElement.prototype.play;
      window.isRefused = true;
      HTMLMediaElement.prototype.play = function () {
        return isRefused ? Promise.reject(new DOMException('', 'NotAllowedError')) : play.call(this);
      };`);
    const visitor = await stage.call(context, await stage.tenant());
    await visitor.button('Tap to hear').waitFor();
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'sound_blocked' } }]);
    await visitor.page.evaluate('isRefused = false');
    await visitor.button('Tap to hear').click();
    await visitor.button('Tap to hear').waitFor({ state: 'detached' });
    expect(await visitor.text()).not.toContain('paused the sound');
  });

  it('does not treat a visitor who speaks for long as silent', async () => {
    const { visitor, tenant } = await silentCall('idle-seconds="4"');
    await say(visitor, { type: 'input_audio_buffer.speech_started', item_id: 'a' });
    await later(visitor, 10_000);
    await ticks(visitor);
    expect(await stateOf(visitor)).toBe('listening');
    await say(visitor, { type: 'input_audio_buffer.speech_stopped', item_id: 'a' });
    await ticks(visitor);
    expect(await stateOf(visitor)).toBe('listening');
    await later(visitor, 5_000);
    await visitor.reaches('ended');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'idle' });
  });

  it('ends for silence even if the event for the end of speech is missing', async () => {
    const { visitor } = await silentCall('idle-seconds="4"');
    await say(visitor, { type: 'input_audio_buffer.speech_started', item_id: 'a' });
    await ticks(visitor);
    await later(visitor, 30_000);
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('Nobody spoke for a while.');
  });

  it('shows whose turn it is even if events arrive late or twice', async () => {
    const { visitor } = await silentCall('idle-seconds="6"');
    const of = (kind: string, id: string) => ({ type: `output_audio_buffer.${kind}`, response_id: id });
    await say(
      visitor,
      { type: 'response.created', response: { id: 'r1' } },
      of('started', 'r1'),
      { type: 'response.created', response: { id: 'r2' } },
      of('started', 'r2'),
      of('stopped', 'r1'),
    );
    expect(await stateOf(visitor)).toBe('speaking');
    await later(visitor, 8_000);
    await ticks(visitor);
    expect(await stateOf(visitor)).toBe('speaking');
    await say(visitor, of('stopped', 'r2'), of('started', 'r2'), of('stopped', 'r2'));
    expect(await stateOf(visitor)).toBe('listening');
    await say(
      visitor,
      { type: 'response.done', response: { id: 'r3', status: 'cancelled' } },
      { type: 'response.created', response: { id: 'r3' } },
    );
    expect(await stateOf(visitor)).toBe('listening');
  });

  it('is not affected by a change of the computer clock', async () => {
    const { visitor, tenant } = await silentCall();
    await visitor.page.evaluate(`{ const now = Date.now; Date.now = () => now() + 3_600_000; }`);
    await ticks(visitor);
    expect(await stateOf(visitor)).toBe('listening');
    await visitor.button('Hang up').click();
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up' });
    expect((await visitor.told('ended'))[0]?.detail.seconds).toBeLessThan(600);
  });

  it('signs its reports by the broker’s clock after the computer slept', async () => {
    const { visitor, tenant } = await silentCall();
    await later(visitor, -1_800_000);
    await visitor.button('Hang up').click();
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'hung_up' });
  });

  it('ends without a reconnect when OpenAI’s time limit is reached', async () => {
    const { visitor, tenant } = await silentCall();
    await say(visitor, { type: 'error', error: { code: 'session_expired' } });
    await visitor.reaches('ended');
    expect(await visitor.text()).toContain('The call reached its maximum length.');
    expect(await stage.endedMeter(tenant)).toMatchObject({ endReason: 'max_duration' });
    expect(callRequests(stage.stack)).toHaveLength(1);
    expect(await statesOf(visitor)).not.toContain('reconnecting');
  });

  it.each([
    ['content_filter', 'The assistant cannot answer that.'],
    ['max_output_tokens', 'The answer was too long'],
  ])('explains a response that is incomplete for %s, and continues', async (reason, sentence) => {
    const { visitor } = await silentCall();
    const reported = visitor.page.waitForRequest(
      (request) => request.url().includes('/events') && (request.postData() ?? '').includes(reason),
    );
    await say(
      visitor,
      { type: 'response.created', response: { id: 'r1' } },
      { type: 'response.done', response: { id: 'r1', status: 'incomplete', status_details: { reason } } },
      { type: 'output_audio_buffer.stopped', response_id: 'r1' },
    );
    await visitor.widget.getByText(sentence).waitFor();
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: reason } }]);
    expect((await reported).postData()).toContain('"source":"response"');
    expect(await stateOf(visitor)).toBe('listening');
  });

  it('passes an error event of OpenAI to the page, and continues', async () => {
    const { visitor } = await silentCall();
    await say(visitor, { type: 'error', error: { code: 'server_error' } });
    expect(await visitor.told('error')).toMatchObject([{ detail: { code: 'server_error' } }]);
    expect(await stateOf(visitor)).toBe('listening');
  });

  it('reports its end even if another report is pending when the page closes', async () => {
    const tenant = await stage.tenant();
    const visitor = await visit(browser, stage.host.url(tenant.siteId));
    let release = (): void => undefined;
    const held = new Promise<void>((resolve) => {
      release = resolve;
    });
    await visitor.page.route('**/events', async (route) => {
      await held;
      await route.abort();
    });
    await visitor.startCall();
    await visitor.reaches('listening');
    await visitor.page.evaluate(
      `document.querySelector('spelo-voice').hangUp(); location.href = '/script?site=none'`,
    );
    expect(await stage.endedMeter(tenant)).toMatchObject({
      endReason: expect.stringMatching(/hung_up|page_closed/),
    });
    release();
  });
});
