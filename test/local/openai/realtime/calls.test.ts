import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, startLocalOpenAi } from '../../../../local/openai/server.ts';
import { fakeKey, goodSession, mint, refusalOf, secretOf } from '../driver.ts';
import { type Caller, call } from './caller.ts';

let openAi: LocalOpenAi;
let nowMs = Date.now();
const callers: Caller[] = [];
beforeAll(async () => {
  openAi = await startLocalOpenAi({ now: () => nowMs });
});
afterEach(async () => {
  await Promise.all(callers.splice(0).map((caller) => caller.close()));
});
afterAll(() => openAi.close());

const mintSecret = async (key = fakeKey(), session: Record<string, unknown> = goodSession) =>
  (await secretOf(await mint(openAi, key, { expires_after: { seconds: 60 }, session }))).value;

const connect = async (secret: string): Promise<Caller> => {
  const caller = await call(openAi, secret);
  callers.push(caller);
  return caller;
};

const typesOf = ({ events }: Caller) => events.map(({ type }) => type);

describe('a call over WebRTC', () => {
  it('begins with session.created, which has the minted session and its end', async () => {
    const caller = await connect(await mintSecret());
    const { session } = await caller.event('session.created');
    expect(session).toMatchObject({
      type: 'realtime',
      model: 'gpt-realtime-2.1',
      instructions: 'Answer briefly.',
    });
    expect(session.expires_at).toBe(Math.floor((nowMs + 3_600_000) / 1_000));
  });

  it("answers a turn of speech with sound, captions and usage, in the order of OpenAI's events", async () => {
    const caller = await connect(await mintSecret());
    await caller.speak(1_000);
    const stopped = await caller.event('output_audio_buffer.stopped');
    const { response } = await caller.event('response.done');
    expect(stopped.response_id).toBe(response.id);
    const types = typesOf(caller).filter((type, at, all) => type !== all[at - 1]);
    expect(types).toEqual([
      'session.created',
      'input_audio_buffer.speech_started',
      'input_audio_buffer.speech_stopped',
      'input_audio_buffer.committed',
      'conversation.item.added',
      'conversation.item.done',
      'response.created',
      'rate_limits.updated',
      'response.output_item.added',
      'conversation.item.added',
      'response.content_part.added',
      'output_audio_buffer.started',
      'response.output_audio_transcript.delta',
      'response.output_audio.done',
      'response.output_audio_transcript.done',
      'response.content_part.done',
      'response.output_item.done',
      'conversation.item.done',
      'response.done',
      'output_audio_buffer.stopped',
    ]);
    const deltas = caller.events.filter(({ type }) => type === 'response.output_audio_transcript.delta');
    const { transcript } = await caller.event('response.output_audio_transcript.done');
    expect(deltas.map(({ delta }) => delta).join('')).toBe(transcript);
    // A word lasts 280 ms, so the length of the sound is known. Packets can be lost, even here.
    const spokenMs = transcript.split(' ').length * 280;
    expect(caller.heardMs).toBeGreaterThan(spokenMs / 2);
    expect(caller.heardMs).toBeLessThanOrEqual(spokenMs);
    expect(response.status).toBe('completed');
    expect(response.usage.output_token_details.audio_tokens).toBe(Math.ceil(spokenMs / 50));
  });

  it('counts 600 tokens a minute of speech, and the whole conversation again in each turn, partly as cached', async () => {
    const caller = await connect(await mintSecret());
    await caller.speak(12_000);
    const first = (await caller.event('response.done')).response.usage;
    const started = await caller.event('input_audio_buffer.speech_started');
    const stopped = await caller.event('input_audio_buffer.speech_stopped');
    const heard = Math.ceil((stopped.audio_end_ms - started.audio_start_ms) / 100);
    expect(first.input_token_details).toMatchObject({ audio_tokens: heard, cached_tokens: 0 });
    expect(heard).toBeGreaterThan(60);
    expect(first.total_tokens).toBe(first.input_tokens + first.output_tokens);
    await caller.event('output_audio_buffer.stopped');

    await caller.speak(1_000);
    const second = (await caller.event('response.done', 2)).response.usage;
    const again = await caller.event('input_audio_buffer.speech_started', 2);
    const ended = await caller.event('input_audio_buffer.speech_stopped', 2);
    const added = Math.ceil((ended.audio_end_ms - again.audio_start_ms) / 100);
    expect(second.input_token_details.audio_tokens).toBe(
      heard + first.output_token_details.audio_tokens + added,
    );
    expect(second.input_token_details.cached_tokens_details.audio_tokens).toBe(Math.floor(heard / 64) * 64);
  });

  it('ends sound and response when the visitor interrupts, and bills what was generated', async () => {
    const caller = await connect(await mintSecret());
    await caller.speak(500);
    await caller.event('response.output_audio_transcript.delta', 2);
    await caller.speak(500, 0);
    const { response } = await caller.event('response.done');
    await caller.event('output_audio_buffer.cleared');
    expect(response).toMatchObject({ status: 'cancelled', status_details: { reason: 'turn_detected' } });
    expect(response.usage.output_token_details.audio_tokens).toBeGreaterThan(0);
    expect(typesOf(caller)).toContain('conversation.item.truncated');
  });

  it('does not take a click for speech', async () => {
    const caller = await connect(await mintSecret());
    await caller.speak(40);
    expect(typesOf(caller)).toEqual(['session.created']);
  });

  it('transcribes the visitor if the session asks for it', async () => {
    const audio = { input: { transcription: { model: 'gpt-4o-mini-transcribe' } } };
    const caller = await connect(await mintSecret(fakeKey(), { ...goodSession, audio }));
    await caller.speak(500);
    const done = await caller.event('conversation.item.input_audio_transcription.completed');
    expect(done.transcript).toMatch(/\w/);
    expect(done.usage.type).toBe('tokens');
  });

  it('accepts client events, and answers an invalid one with an error while the call continues', async () => {
    const caller = await connect(await mintSecret());
    caller.send({ type: 'session.updat', event_id: 'mine' });
    expect((await caller.event('error')).error).toMatchObject({
      type: 'invalid_request_error',
      code: 'invalid_value',
      event_id: 'mine',
    });
    caller.send({ type: 'session.update', session: { type: 'realtime', instructions: 'Sing.' } });
    expect((await caller.event('session.updated')).session.instructions).toBe('Sing.');
    caller.send({ type: 'response.cancel' });
    expect((await caller.event('error', 2)).error.code).toBe('response_cancel_not_active');
    caller.send({ type: 'response.create' });
    expect((await caller.event('response.done')).response.status).toBe('completed');
  });

  it.each([
    ['latenoquota', 'insufficient_quota'],
    ['lateratelimited', 'rate_limit_exceeded'],
  ])('fails each response for a key that ends in %s', async (suffix, code) => {
    const caller = await connect(await mintSecret(fakeKey(suffix)));
    await caller.speak(500);
    const { response } = await caller.event('response.done');
    expect(response).toMatchObject({
      status: 'failed',
      status_details: { type: 'failed', error: { code } },
      usage: null,
    });
    expect(caller.heardMs).toBe(0);
  });

  it('can be opened several times with one secret, and continues after the secret expires', async () => {
    const secret = await mintSecret();
    const first = await connect(secret);
    const second = await connect(secret);
    expect(openAi.liveCalls).toEqual([first.callId, second.callId]);
    nowMs += 61_000;
    await expect(call(openAi, secret)).rejects.toThrow('401');
    await first.speak(500);
    expect((await first.event('response.done')).response.status).toBe('completed');
  });

  it('can be hung up only with the key', async () => {
    const key = fakeKey();
    const secret = await mintSecret(key);
    const caller = await connect(secret);
    const hangUp = (bearer: string, callId = caller.callId) =>
      fetch(`${openAi.baseUrl}/realtime/calls/${callId}/hangup`, {
        method: 'POST',
        headers: { authorization: `Bearer ${bearer}` },
      });
    expect((await hangUp(secret)).status).toBe(401);
    expect(openAi.liveCalls).toContain(caller.callId);
    expect((await hangUp(key)).status).toBe(200);
    expect(openAi.liveCalls).not.toContain(caller.callId);
    expect(await refusalOf(await hangUp(key))).toMatchObject({ status: 404, code: 'call_id_not_found' });
  });

  it('ends at the maximum duration with the matching error', async () => {
    let briefMs = Date.now();
    const brief = await startLocalOpenAi({ now: () => briefMs });
    try {
      const secret = (await secretOf(await mint(brief, fakeKey()))).value;
      const caller = await call(brief, secret);
      callers.push(caller);
      briefMs += 60 * 60_000;
      expect((await caller.event('error')).error.code).toBe('session_expired');
      expect(brief.liveCalls).toEqual([]);
    } finally {
      await brief.close();
    }
  });
});
