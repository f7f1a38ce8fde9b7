import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, startLocalOpenAi } from '../../../../local/openai/server.ts';
import { callIdOf, callWithKey, createCall, hangUp, SIDEBAND_PATH } from '../../../support/openai-calls.ts';
import { prepareCall, type RealtimeCaller } from '../../../support/realtime-caller.ts';
import { attachSideband, type Sideband } from '../../../support/sideband.ts';
import { fakeKey, goodSession, mint, secretOf } from '../driver.ts';
import { call as callWithSecret } from './caller.ts';

let openAi: LocalOpenAi;
const open: { close(): unknown }[] = [];
beforeAll(async () => {
  openAi = await startLocalOpenAi();
});
afterEach(async () => {
  openAi.clearFaults();
  await Promise.all(open.splice(0).map((each) => each.close()));
});
afterAll(() => openAi.close());

type Connected = RealtimeCaller & { readonly callId: string };
const connect = async (key: string, session: Record<string, unknown> = goodSession, dataChannel = true) => {
  const connected = await callWithKey(openAi, key, session, { dataChannel });
  open.push(connected);
  return connected;
};
const attach = async (callId: string, key: string): Promise<Sideband> => {
  const sideband = await attachSideband(openAi, callId, key);
  open.push(sideband);
  return sideband;
};
/** A call of a key, with a sideband that has seen its first `session.updated`. */
const watched = async (
  session: Record<string, unknown> = goodSession,
  dataChannel = true,
): Promise<{ readonly key: string; readonly caller: Connected; readonly sideband: Sideband }> => {
  const key = fakeKey();
  const caller = await connect(key, session, dataChannel);
  const sideband = await attach(caller.callId, key);
  await sideband.update();
  return { key, caller, sideband };
};
const typesOf = ({ events }: Pick<Sideband, 'events'>) => events.map(({ type }) => type);
const turnByTurn = {
  ...goodSession,
  audio: { input: { turn_detection: { type: 'server_vad', create_response: false } } },
};

describe('a sideband connection', () => {
  it('receives no event on attach, and session.updated after an update', async () => {
    const key = fakeKey();
    const { callId } = await connect(key);
    const sideband = await attach(callId, key);
    const session = await sideband.update({ instructions: 'Be brief.' });
    expect(session).toMatchObject({ instructions: 'Be brief.', model: 'gpt-realtime-2.1' });
    expect(typesOf(sideband)).toEqual(['session.updated']);
  });

  it('can attach before the browser has its SDP answer', async () => {
    const key = fakeKey();
    const caller = await prepareCall();
    open.push(caller);
    const response = await createCall(openAi, key, caller.offer, goodSession);
    const sideband = await attach(callIdOf(response), key);
    await sideband.update();
    await caller.connect(await response.text());
    await caller.speak(500);
    await sideband.event('response.done');
  });

  it("receives the page's events from then on, with the usage of each response, and no earlier events", async () => {
    const key = fakeKey();
    const caller = await connect(key);
    await caller.speak(500);
    await caller.event('output_audio_buffer.stopped');
    const before = caller.events.length;
    const sideband = await attach(caller.callId, key);
    await caller.speak(500);
    await caller.event('output_audio_buffer.stopped', 2);
    await sideband.event('output_audio_buffer.stopped');
    expect(sideband.events).toEqual(caller.events.slice(before));
    expect((await sideband.event('response.done')).response.usage.total_tokens).toBeGreaterThan(0);
  });

  it('can detect from previous_item_id whether it missed the first item of the conversation', async () => {
    const { key, caller, sideband } = await watched();
    await caller.speak(500);
    await caller.event('output_audio_buffer.stopped');
    const late = await attach(caller.callId, key);
    await caller.speak(500);
    const seen = await sideband.event('conversation.item.added');
    const missed = await late.event('conversation.item.added');
    expect(seen.previous_item_id).toBeNull();
    const items = sideband.events.filter(({ type }) => type === 'conversation.item.added');
    expect(items.map(({ previous_item_id }) => previous_item_id)).toEqual([
      null,
      ...items.slice(0, -1).map(({ item }) => item.id),
    ]);
    expect(missed.previous_item_id).toBe(items[1]?.item.id);
  });

  it('is refused with 404 for another key, a client secret, an unknown call and an ended call', async () => {
    const key = fakeKey();
    const { callId } = await connect(key);
    const secret = (await secretOf(await mint(openAi, key))).value;
    await expect(attach(callId, fakeKey())).rejects.toThrow('404');
    await expect(attach(callId, secret)).rejects.toThrow('404');
    await expect(attach('rtc_unknown', key)).rejects.toThrow('404');
    await hangUp(openAi, callId, key);
    await expect(attach(callId, key)).rejects.toThrow('404');
  });

  it('is refused with 401 without a key, and no other WebSocket path exists', async () => {
    const { callId } = await connect(fakeKey());
    await expect(attach(callId, 'nothing')).rejects.toThrow('401');
    const elsewhere = { baseUrl: `${openAi.baseUrl}/elsewhere` };
    await expect(attachSideband(elsewhere, callId, fakeKey())).rejects.toThrow('404');
  });

  it('also controls a call whose client secret was minted with its key', async () => {
    const key = fakeKey();
    const caller = await callWithSecret(openAi, (await secretOf(await mint(openAi, key))).value);
    open.push(caller);
    await (await attach(caller.callId, key)).update();
  });

  it('receives session.updated for updates of the page, and the page for updates of the sideband', async () => {
    const { caller, sideband } = await watched();
    caller.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Sing.' } });
    expect((await sideband.event('session.updated', 2)).session.instructions).toBe('Sing.');
    await sideband.update({ instructions: 'Answer briefly.' });
    expect((await caller.event('session.updated', 3)).session.instructions).toBe('Answer briefly.');
  });

  it('receives only the errors that its own events caused', async () => {
    const { caller, sideband } = await watched();
    sideband.send({ type: 'session.update', session: { type: 'realtime', speed: 1 }, event_id: 'mine' });
    expect((await sideband.event('error')).error).toMatchObject({
      code: 'unknown_parameter',
      param: 'session.speed',
      event_id: 'mine',
    });
    await sideband.update();
    await caller.event('session.updated', 2);
    expect(typesOf(caller)).not.toContain('error');
  });

  it('can create and cancel responses for a page without a data channel', async () => {
    const { caller, sideband } = await watched(goodSession, false);
    sideband.send({
      type: 'conversation.item.create',
      item: { type: 'message', role: 'user', content: [{ type: 'input_text', text: 'Hello.' }] },
    });
    sideband.send({ type: 'response.create' });
    await sideband.event('response.output_audio_transcript.delta', 2);
    sideband.send({ type: 'response.cancel' });
    const { response } = await sideband.event('response.done');
    expect(response).toMatchObject({ status: 'cancelled', status_details: { reason: 'client_cancelled' } });
    expect(caller.events).toEqual([]);
  });

  it('can clear sound that has not been played', async () => {
    const { sideband } = await watched();
    sideband.send({ type: 'response.create' });
    const { response } = await sideband.event('response.done');
    sideband.send({ type: 'output_audio_buffer.clear' });
    expect((await sideband.event('output_audio_buffer.cleared')).response_id).toBe(response.id);
  });

  it('closes when the call is hung up, when the browser leaves and when the time limit is reached', async () => {
    const first = await watched();
    await hangUp(openAi, first.caller.callId, first.key);
    expect(await first.sideband.closed).toBe(1_000);
    const second = await watched();
    await second.caller.close();
    expect(await second.sideband.closed).toBe(1_000);
    const third = await watched();
    openAi.advance(60 * 60_000);
    expect(await third.sideband.closed).toBe(1_000);
    expect((await third.sideband.event('error')).error.code).toBe('session_expired');
  });

  it('does not affect the call when it closes', async () => {
    const { caller, sideband } = await watched();
    sideband.close();
    await sideband.closed;
    await caller.speak(500);
    await caller.event('response.done');
    expect(openAi.calls.at(-1)).toMatchObject({ ended: undefined, sidebands: 0 });
  });
});

describe('a session with create_response: false', () => {
  it('detects turns and answers none until response.create', async () => {
    const { caller, sideband } = await watched(turnByTurn);
    await caller.speak(500);
    await sideband.event('input_audio_buffer.committed');
    await caller.speak(500);
    await sideband.event('input_audio_buffer.committed', 2);
    expect(typesOf(sideband)).not.toContain('response.created');
    sideband.send({ type: 'response.create' });
    expect((await sideband.event('response.done')).response.status).toBe('completed');
  });

  it('still lets the visitor interrupt', async () => {
    const { caller, sideband } = await watched(turnByTurn);
    sideband.send({ type: 'response.create' });
    await sideband.event('response.output_audio_transcript.delta');
    await caller.speak(500);
    expect((await sideband.event('response.done')).response.status_details.reason).toBe('turn_detected');
    await sideband.event('input_audio_buffer.committed');
    expect(typesOf(sideband).filter((type) => type === 'response.created')).toHaveLength(1);
  });

  it('can begin and end during a call', async () => {
    const { caller, sideband } = await watched();
    const detection = (create_response: boolean) => ({
      audio: { input: { turn_detection: { type: 'server_vad', create_response } } },
    });
    await sideband.update(detection(false));
    await caller.speak(500);
    await sideband.event('input_audio_buffer.committed');
    expect(typesOf(sideband)).not.toContain('response.created');
    await sideband.update(detection(true));
    await caller.speak(500);
    await sideband.event('response.created');
  });
});

describe('the limits of a session', () => {
  it('end a response at max_output_tokens, which is also the most that is billed', async () => {
    const { sideband } = await watched({ ...goodSession, max_output_tokens: 20 });
    sideband.send({ type: 'response.create' });
    const { response } = await sideband.event('response.done');
    expect(response).toMatchObject({
      status: 'incomplete',
      status_details: { reason: 'max_output_tokens' },
      max_output_tokens: 20,
    });
    expect(response.usage.output_tokens).toBeLessThanOrEqual(20);
    expect(response.usage.output_tokens).toBeGreaterThan(0);
    sideband.send({ type: 'response.create', response: { max_output_tokens: 1 } });
    const second = (await sideband.event('response.done', 2)).response;
    expect(second).toMatchObject({ status: 'incomplete', max_output_tokens: 1, usage: { output_tokens: 0 } });
  });

  it('keep the input of a response below instructions plus post_instructions', async () => {
    const truncation = {
      type: 'retention_ratio',
      retention_ratio: 0.5,
      token_limits: { post_instructions: 60 },
    };
    const { sideband } = await watched({ ...goodSession, truncation });
    for (let turn = 1; turn <= 3; turn += 1) {
      const content = [{ type: 'input_text', text: 'x'.repeat(200) }];
      sideband.send({ type: 'conversation.item.create', item: { type: 'message', role: 'user', content } });
      sideband.send({ type: 'response.create' });
      const { response } = await sideband.event('response.done', turn);
      expect(response.usage.input_tokens).toBeLessThanOrEqual(4 + 60);
      sideband.send({ type: 'output_audio_buffer.clear' });
    }
  });

  it('include a fixed model, and a fixed voice once it has spoken', async () => {
    const { sideband } = await watched();
    sideband.send({ type: 'session.update', session: { type: 'realtime', model: 'gpt-realtime' } });
    expect((await sideband.event('error')).error.param).toBe('session.model');
    await sideband.update({ audio: { output: { voice: 'cedar' } } });
    sideband.send({ type: 'response.create' });
    await sideband.event('response.done');
    sideband.send({
      type: 'session.update',
      session: { type: 'realtime', audio: { output: { voice: 'ash' } } },
    });
    expect((await sideband.event('error', 2)).error.code).toBe('cannot_update_voice');
  });
});

describe('an injected fault of the sideband', () => {
  it('can refuse the connection', async () => {
    const key = fakeKey();
    const { callId } = await connect(key);
    openAi.inject({ path: SIDEBAND_PATH, status: 503, times: 1 });
    await expect(attach(callId, key)).rejects.toThrow('503');
    await (await attach(callId, key)).update();
  });

  it('can refuse a second connection while the first one exists', async () => {
    const { key, caller, sideband } = await watched();
    openAi.inject({ path: SIDEBAND_PATH, onlySecondSideband: true, status: 409 });
    await expect(attach(caller.callId, key)).rejects.toThrow('409');
    sideband.close();
    await sideband.closed;
    await (await attach(caller.callId, key)).update();
  });

  it.each([1_000, 1_001, 1_006, 1_011, 4_000])('can close the connection with code %i', async (code) => {
    const key = fakeKey();
    const { callId } = await connect(key);
    openAi.inject({ path: SIDEBAND_PATH, closeSideband: { code }, times: 1 });
    expect(await (await attach(callId, key)).closed).toBe(code);
    expect(openAi.liveCalls).toContain(callId);
  });

  it('can close the connection at a chosen moment', async () => {
    const { caller, sideband } = await watched();
    openAi.closeSidebands(caller.callId, 1_012, 'Restart.');
    expect(await sideband.closed).toBe(1_012);
  });

  it('can drop a connection during the attach', async () => {
    const key = fakeKey();
    const { callId } = await connect(key);
    openAi.inject({ path: SIDEBAND_PATH, reset: true, times: 1 });
    await expect(attach(callId, key)).rejects.toThrow(/ECONNRESET|socket hang up/);
  });
});
