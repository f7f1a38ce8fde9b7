import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, startLocalOpenAi } from '../../../local/openai/server.ts';
import { fakeKey, goodMint, goodSession, listOf, mint, models, refusalOf, secretOf } from './driver.ts';

const startMs = Date.UTC(2026, 10, 23);
let nowMs = startMs;
let openAi: LocalOpenAi;
beforeAll(async () => {
  openAi = await startLocalOpenAi({ now: () => nowMs });
});
afterAll(() => openAi.close());
beforeEach(() => {
  nowMs = startMs;
  openAi.clearRequests();
});

describe('minting a client secret', () => {
  it('returns a secret, its expiry in seconds and the requested session', async () => {
    const response = await mint(openAi, fakeKey());
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({
      value: expect.stringMatching(/^ek_[0-9a-f]{32}$/),
      expires_at: startMs / 1_000 + 60,
      session: {
        ...goodSession,
        object: 'realtime.session',
        id: expect.stringMatching(/^sess_/),
        expires_at: 0,
        output_modalities: ['audio'],
        audio: { output: { voice: 'marin', speed: 1 } },
      },
    });
  });

  it('creates a secret with a lifetime of ten minutes by default', async () => {
    const { expires_at } = await secretOf(await mint(openAi, fakeKey(), { session: goodSession }));
    expect(expires_at).toBe(startMs / 1_000 + 600);
  });

  it('sends the same headers as OpenAI', async () => {
    for (const response of [await mint(openAi, fakeKey()), await mint(openAi, fakeKey('revoked'))]) {
      expect(response.headers.get('x-request-id')).toMatch(/^req_[0-9a-f]{32}$/);
      expect(response.headers.get('openai-processing-ms')).toMatch(/^\d+$/);
      expect(response.headers.get('openai-version')).toBe('2020-10-01');
    }
  });

  it.each<[string, unknown, { code: string | null; param?: string }]>([
    ['a body that is no JSON', '{', { code: null }],
    [
      'a secret that would end too soon',
      { ...goodMint, expires_after: { seconds: 9 } },
      { code: 'integer_below_min_value', param: 'expires_after.seconds' },
    ],
    [
      'a secret that would live too long',
      { ...goodMint, expires_after: { seconds: 7_201 } },
      { code: 'integer_above_max_value', param: 'expires_after.seconds' },
    ],
    [
      'a session without a type',
      { session: { model: 'gpt-realtime-2.1' } },
      { code: 'missing_required_parameter', param: 'session.type' },
    ],
    [
      'a session of another type',
      { session: { type: 'conversation' } },
      { code: 'invalid_value', param: 'session.type' },
    ],
    [
      'a field of the beta',
      { session: { ...goodSession, temperature: 0.8 } },
      { code: 'unknown_parameter', param: 'session.temperature' },
    ],
    [
      'an unknown field further down',
      { session: { ...goodSession, audio: { input: { gain: 1 } } } },
      { code: 'unknown_parameter', param: 'session.audio.input.gain' },
    ],
    [
      'an unknown voice',
      { session: { ...goodSession, audio: { output: { voice: 'nobody' } } } },
      { code: 'invalid_value', param: 'session.audio.output.voice' },
    ],
    [
      'both modalities',
      { session: { ...goodSession, output_modalities: ['audio', 'text'] } },
      { code: 'invalid_value', param: 'session.output_modalities' },
    ],
    [
      'too many output tokens',
      { session: { ...goodSession, max_output_tokens: 5_000 } },
      { code: 'integer_above_max_value', param: 'session.max_output_tokens' },
    ],
  ])('refuses %s with 400', async (_, body, error) => {
    expect(await refusalOf(await mint(openAi, fakeKey(), body))).toMatchObject({
      status: 400,
      type: 'invalid_request_error',
      ...error,
    });
  });

  it('accepts a custom voice and every documented part of a session', async () => {
    const session = {
      ...goodSession,
      output_modalities: ['text'],
      max_output_tokens: 'inf',
      truncation: { type: 'retention_ratio', retention_ratio: 0.8 },
      reasoning: { effort: 'low' },
      tools: [{ type: 'function', name: 'f' }],
      audio: {
        input: {
          format: { type: 'audio/pcm', rate: 24_000 },
          turn_detection: { type: 'semantic_vad', eagerness: 'low' },
        },
        output: { voice: { id: 'voice_1' }, speed: 1.5, format: { type: 'audio/pcmu' } },
      },
    };
    expect((await mint(openAi, fakeKey(), { session })).status).toBe(200);
  });

  it('returns 404 for an unknown model and for a model that is not a Realtime model', async () => {
    for (const model of ['gpt-imaginary', 'whisper-1', 'gpt-4o-realtime-preview']) {
      const response = await mint(openAi, fakeKey(), { session: { ...goodSession, model } });
      expect(await refusalOf(response)).toMatchObject({ status: 404, code: 'model_not_found', param: '' });
    }
  });

  it('serves a model until the day of its shutdown', async () => {
    const body = { session: { ...goodSession, model: 'gpt-realtime' } };
    nowMs = Date.UTC(2027, 0, 19, 23, 59);
    expect((await mint(openAi, fakeKey(), body)).status).toBe(200);
    nowMs = Date.UTC(2027, 0, 20);
    expect((await mint(openAi, fakeKey(), body)).status).toBe(404);
    expect((await models(openAi, fakeKey(), 'gpt-realtime')).status).toBe(404);
  });

  it('refuses the beta header and the beta route', async () => {
    const byHeader = await mint(openAi, fakeKey(), goodMint, { headers: { 'openai-beta': 'realtime=v1' } });
    const byRoute = await fetch(`${openAi.baseUrl}/realtime/sessions`, {
      method: 'POST',
      headers: { authorization: `Bearer ${fakeKey()}` },
    });
    for (const response of [byHeader, byRoute]) {
      expect(await refusalOf(response)).toMatchObject({ status: 400, code: 'beta_api_shape_disabled' });
    }
  });

  it('refuses a missing key, a malformed key and an organization header', async () => {
    expect(await refusalOf(await mint(openAi, undefined))).toMatchObject({ status: 401, code: null });
    expect(await refusalOf(await mint(openAi, 'ek_0'))).toMatchObject({
      status: 401,
      code: 'invalid_api_key',
    });
    const named = await mint(openAi, fakeKey(), goodMint, {
      headers: { 'openai-organization': 'org-other' },
    });
    expect(await refusalOf(named)).toMatchObject({ status: 401, code: 'mismatched_organization' });
  });
});

describe('the model routes', () => {
  it('list the models with their shutdown days', async () => {
    const data = await listOf(await models(openAi, fakeKey()));
    expect(data).toContainEqual({
      id: 'gpt-realtime',
      object: 'model',
      created: expect.any(Number),
      owned_by: 'system',
      shutdown_date: '2027-01-20',
    });
    expect(data).toContainEqual(expect.objectContaining({ id: 'gpt-realtime-2.1', shutdown_date: null }));
  });

  it('return a single model', async () => {
    const response = await models(openAi, fakeKey(), 'gpt-realtime-2.1-mini');
    expect(await response.json()).toMatchObject({ id: 'gpt-realtime-2.1-mini', object: 'model' });
    expect((await models(openAi, fakeKey(), 'gpt-imaginary')).status).toBe(404);
  });
});

describe('any other path', () => {
  it("returns OpenAI's invalid URL error", async () => {
    const response = await fetch(`${openAi.baseUrl}/chat/completions`, { method: 'POST' });
    expect(await refusalOf(response)).toMatchObject({
      status: 404,
      message: 'Invalid URL (POST /v1/chat/completions)',
    });
  });
});

describe('the request record of the stand-in', () => {
  it('distinguishes keys without storing them', async () => {
    const key = fakeKey();
    const response = await mint(openAi, key, goodMint, {
      headers: { 'openai-safety-identifier': 'visitor' },
    });
    await models(openAi, key);
    await models(openAi, fakeKey());
    const [first, second, third] = openAi.requests;
    expect(first).toMatchObject({
      method: 'POST',
      path: '/v1/realtime/client_secrets',
      headers: { 'openai-safety-identifier': 'visitor' },
      keyFingerprint: expect.stringMatching(/^[0-9a-f]{16}$/),
      body: goodMint,
      at: startMs,
      requestId: response.headers.get('x-request-id'),
    });
    expect(second).toMatchObject({ body: undefined, keyFingerprint: first?.keyFingerprint });
    expect(third?.keyFingerprint).not.toBe(first?.keyFingerprint);
    expect(JSON.stringify(openAi.requests)).not.toContain(key);
  });

  it('counts only the secrets that were minted', async () => {
    const before = openAi.mintedSecrets;
    await mint(openAi, fakeKey());
    await mint(openAi, fakeKey('noquota'));
    expect(openAi.mintedSecrets - before).toBe(1);
  });
});
