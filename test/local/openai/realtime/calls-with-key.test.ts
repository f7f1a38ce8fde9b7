import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CANNED_OFFER } from '../../../../lambdas/domain/calls/canned-offer.ts';
import { type LocalOpenAi, startLocalOpenAi } from '../../../../local/openai/server.ts';
import { callIdOf, callWithKey, createCall, hangUp } from '../../../support/openai-calls.ts';
import { prepareCall, type RealtimeCaller } from '../../../support/realtime-caller.ts';
import { fakeKey, goodSession, refusalOf } from '../driver.ts';

let openAi: LocalOpenAi;
let caller: RealtimeCaller;
/** Without a data channel, a page notices the end only after WebRTC's 30 s: so long the other tests of this file run. */
let silentlyEnded: {
  readonly callId: string;
  readonly ended: Promise<void>;
  readonly close: () => Promise<void>;
};
const callers: RealtimeCaller[] = [];
beforeAll(async () => {
  openAi = await startLocalOpenAi();
  caller = await prepareCall();
  const key = fakeKey();
  const silent = await callWithKey(openAi, key, goodSession, { dataChannel: false });
  await hangUp(openAi, silent.callId, key);
  const ended = silent.ended();
  // Its failure is the failure of the last test, not of this process.
  ended.catch(() => undefined);
  silentlyEnded = { callId: silent.callId, ended, close: () => silent.close() };
});
afterEach(async () => {
  openAi.clearFaults();
  await Promise.all(callers.splice(0).map((each) => each.close()));
});
afterAll(async () => {
  await silentlyEnded.close();
  await caller.close();
  await openAi.close();
});

const connect = async (key: string, session: Record<string, unknown> = goodSession, dataChannel = true) => {
  const connected = await callWithKey(openAi, key, session, { dataChannel });
  callers.push(connected);
  return connected;
};

/** A form with parts of any type, as a faulty server could send it. */
const postForm = (
  parts: readonly { readonly name: string; readonly type?: string; readonly text: string }[],
) => {
  const boundary = 'boundary-of-a-test';
  const sections = parts.map(({ name, type, text }) =>
    [
      `--${boundary}`,
      `Content-Disposition: form-data; name="${name}"`,
      ...(type === undefined ? [] : [`Content-Type: ${type}`]),
      '',
      text,
    ].join('\r\n'),
  );
  return fetch(`${openAi.baseUrl}/realtime/calls`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${fakeKey()}`,
      'content-type': `multipart/form-data; boundary=${boundary}`,
    },
    body: [...sections, `--${boundary}--`, ''].join('\r\n'),
  });
};
const sdpPart = (text = caller.offer) => ({ name: 'sdp', type: 'application/sdp', text });
const sessionPart = (session: unknown) => ({
  name: 'session',
  type: 'application/json',
  text: JSON.stringify(session),
});

describe('a call that a server creates with a standard key', () => {
  it('returns 201, an SDP answer and the call ID in Location', async () => {
    const response = await createCall(openAi, fakeKey(), caller.offer, goodSession);
    expect(response.status).toBe(201);
    expect(response.headers.get('content-type')).toBe('application/sdp');
    expect(response.headers.get('location')).toMatch(/^\/v1\/realtime\/calls\/rtc_[A-Za-z0-9_-]+$/);
    expect(await response.text()).toMatch(/^v=0\r\n/);
  });

  it('needs no session parameters', async () => {
    expect((await createCall(openAi, fakeKey(), caller.offer)).status).toBe(201);
  });

  it('carries sound and events, and uses the session of the form', async () => {
    const connected = await connect(fakeKey());
    const { session } = await connected.event('session.created');
    expect(session).toMatchObject({ model: 'gpt-realtime-2.1', instructions: 'Answer briefly.' });
    await connected.speak(500);
    expect((await connected.event('response.done')).response.status).toBe('completed');
    expect(connected.heardMs).toBeGreaterThan(0);
  });

  it('works without a data channel, with sound only and the same usage', async () => {
    const connected = await connect(fakeKey(), goodSession, false);
    await connected.speak(500);
    for (let waits = 0; waits < 1_000 && connected.heardMs < 500; waits += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(connected.heardMs).toBeGreaterThanOrEqual(500);
    expect(openAi.calls.at(-1)).toMatchObject({ callId: connected.callId, hasDataChannel: false });
    expect(connected.events).toEqual([]);
  });

  it('is created by a probe with the canned offer and hung up', async () => {
    const key = fakeKey();
    const response = await createCall(openAi, key, CANNED_OFFER, goodSession);
    expect(response.status).toBe(201);
    expect((await hangUp(openAi, callIdOf(response), key)).status).toBe(200);
  });

  it.each([
    ['no sdp part', () => [sessionPart(goodSession)], 'missing_required_parameter'],
    ['an sdp part without a type', () => [{ name: 'sdp', text: caller.offer }], 'unsupported_content_type'],
    ['an sdp part of another type', () => [{ ...sdpPart(), type: 'text/plain' }], 'unsupported_content_type'],
    [
      'a session of another type',
      () => [sdpPart(), { ...sessionPart(goodSession), type: 'text/plain' }],
      'unsupported_content_type',
    ],
    ['a session that is no JSON', () => [sdpPart(), { ...sessionPart(0), text: '{' }], 'invalid_value'],
    ['a session without a type', () => [sdpPart(), sessionPart({})], 'missing_required_parameter'],
    [
      'an unknown field of the session',
      () => [sdpPart(), sessionPart({ ...goodSession, temperature: 1 })],
      'unknown_parameter',
    ],
    ['an unknown part', () => [sdpPart(), { ...sessionPart(0), name: 'model' }], 'unknown_parameter'],
    ['a part twice', () => [sdpPart(), sdpPart()], 'invalid_form'],
    ['an offer that is no SDP', () => [sdpPart('hello')], 'invalid_offer'],
    ['an offer without sound', () => [sdpPart('v=0\r\nm=nothing 9 X 1\r\n')], 'invalid_offer'],
  ])('is refused with 400 for %s', async (_, parts, code) => {
    const before = openAi.calls.length;
    expect(await refusalOf(await postForm(parts()))).toMatchObject({ status: 400, code });
    expect(openAi.calls).toHaveLength(before);
  });

  it('is refused for a body that is not a form, for a missing key, and for a client secret', async () => {
    const post = (headers: Record<string, string>, body = 'nothing') =>
      fetch(`${openAi.baseUrl}/realtime/calls`, { method: 'POST', headers, body });
    const type = 'multipart/form-data; boundary=x';
    const authorization = `Bearer ${fakeKey()}`;
    expect((await post({ authorization, 'content-type': type })).status).toBe(400);
    expect((await post({ authorization, 'content-type': 'multipart/form-data' })).status).toBe(400);
    expect((await post({ 'content-type': type })).status).toBe(401);
    expect((await createCall(openAi, 'ek_0', caller.offer)).status).toBe(401);
  });

  it.each([
    ['revoked', 401, 'invalid_api_key'],
    ['noquota', 429, 'insufficient_quota'],
    ['nomodel', 403, 'model_not_found'],
    ['latebusy', 429, 'rate_limit_exceeded'],
  ])('is refused for a key that ends in %s, as a mint is', async (suffix, status, code) => {
    const response = await createCall(openAi, fakeKey(suffix), caller.offer, goodSession);
    expect(await refusalOf(response)).toMatchObject({ status, code });
  });

  it('is refused for a model that is not served', async () => {
    const session = { ...goodSession, model: 'gpt-realtime-99' };
    const response = await createCall(openAi, fakeKey(), caller.offer, session);
    expect(await refusalOf(response)).toMatchObject({ status: 404, code: 'model_not_found' });
  });

  it('is in the request log with its parts', async () => {
    await createCall(openAi, fakeKey(), caller.offer, goodSession);
    expect(openAi.requests.at(-1)).toMatchObject({
      path: '/v1/realtime/calls',
      body: { sdp: caller.offer, session: goodSession },
    });
  });
});

describe('a call created with a standard key', () => {
  it('can be hung up only with its own key: another key finds no such call', async () => {
    const key = fakeKey();
    const connected = await connect(key);
    const refused = await hangUp(openAi, connected.callId, fakeKey());
    expect(await refusalOf(refused)).toMatchObject({ status: 404, code: 'call_id_not_found' });
    expect(openAi.liveCalls).toContain(connected.callId);
    expect((await hangUp(openAi, connected.callId, key)).status).toBe(200);
  });

  it('loses media and data channel when it is hung up, and later requests return 404', async () => {
    const key = fakeKey();
    const connected = await connect(key);
    await hangUp(openAi, connected.callId, key);
    await connected.ended();
    expect((await hangUp(openAi, connected.callId, key)).status).toBe(404);
    expect((await hangUp(openAi, 'rtc_unknown', key)).status).toBe(404);
    expect(openAi.calls.find(({ callId }) => callId === connected.callId)?.ended?.by).toBe('hang_up');
  });

  it('ends when the browser leaves', async () => {
    const connected = await connect(fakeKey());
    await connected.close();
    for (let waits = 0; waits < 4_000 && openAi.liveCalls.includes(connected.callId); waits += 1)
      await new Promise((resolve) => setTimeout(resolve, 10));
    expect(openAi.calls.find(({ callId }) => callId === connected.callId)?.ended?.by).toBe('browser_left');
  });

  it('ends after 60 minutes by the clock of the stand-in, connected or not', async () => {
    const connected = await connect(fakeKey());
    const abandoned = callIdOf(await createCall(openAi, fakeKey(), caller.offer, goodSession));
    openAi.advance(60 * 60_000 - 1_000);
    expect(openAi.liveCalls).toEqual(expect.arrayContaining([connected.callId, abandoned]));
    openAi.advance(1_000);
    expect(openAi.liveCalls).toEqual([]);
    expect((await connected.event('error')).error.code).toBe('session_expired');
    await connected.ended();
    expect(openAi.calls.slice(-2).map(({ ended }) => ended?.by)).toEqual(['max_duration', 'max_duration']);
  });
});

describe('the invoice of a call', () => {
  it('has the usage of every response, as in the events', async () => {
    const connected = await connect(fakeKey());
    await connected.speak(500);
    await connected.event('output_audio_buffer.stopped');
    await connected.speak(500);
    await connected.event('output_audio_buffer.stopped', 2);
    const reported = connected.events
      .filter(({ type }) => type === 'response.done')
      .map(({ response }) => ({ responseId: response.id, usage: response.usage, wasReported: true }));
    const invoice = openAi.calls.at(-1)?.invoice;
    expect(invoice?.responses).toEqual(reported);
    const [first, second] = reported.map(({ usage }) => usage);
    expect(invoice?.totals.audioOutput).toBe(
      first.output_token_details.audio_tokens + second.output_token_details.audio_tokens,
    );
    expect(invoice?.totals.textInput).toBe(
      first.input_token_details.text_tokens +
        second.input_token_details.text_tokens -
        second.input_token_details.cached_tokens_details.text_tokens,
    );
  });

  it('has the usage of a response that a hang-up cut off, although no event reports it', async () => {
    const key = fakeKey();
    const connected = await connect(key);
    await connected.speak(500);
    await connected.event('response.output_audio_transcript.delta', 2);
    await hangUp(openAi, connected.callId, key);
    const { responses, totals } = openAi.calls.at(-1)?.invoice ?? { responses: [] };
    expect(responses).toEqual([expect.objectContaining({ wasReported: false })]);
    expect(totals?.audioOutput).toBeGreaterThan(0);
    expect(connected.events.some(({ type }) => type === 'response.done')).toBe(false);
  });

  it('counts transcription separately', async () => {
    const audio = { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } };
    const connected = await connect(fakeKey(), { ...goodSession, audio });
    await connected.speak(500);
    const { usage } = await connected.event('conversation.item.input_audio_transcription.completed');
    expect(openAi.calls.at(-1)?.invoice.transcriptions).toEqual([usage]);
  });
});

describe('a hang-up of a call without data channel', () => {
  it('ends the media', async () => {
    await silentlyEnded.ended;
    expect(openAi.liveCalls).not.toContain(silentlyEnded.callId);
  });
});
