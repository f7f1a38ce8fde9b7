import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, startLocalOpenAi } from '../../../local/openai/server.ts';
import { fakeKey, mint, models } from './driver.ts';

let openAi: LocalOpenAi;
beforeAll(async () => {
  openAi = await startLocalOpenAi();
});
afterAll(() => openAi.close());
afterEach(() => openAi.clearFaults());

const mintStatuses = async (count: number): Promise<number[]> => {
  const statuses: number[] = [];
  for (let n = 0; n < count; n += 1) statuses.push((await mint(openAi, fakeKey())).status);
  return statuses;
};

describe('an injected OpenAI fault', () => {
  it('applies exactly the given number of times', async () => {
    openAi.inject({ status: 503, times: 2 });
    expect(await mintStatuses(3)).toEqual([503, 503, 200]);
  });

  it('without a number applies until it is cleared', async () => {
    openAi.inject({ status: 500 });
    expect(await mintStatuses(3)).toEqual([500, 500, 500]);
    openAi.clearFaults();
    expect(await mintStatuses(1)).toEqual([200]);
  });

  it('applies to the given path only', async () => {
    openAi.inject({ path: '/v1/realtime/client_secrets', status: 500 });
    expect((await models(openAi, fakeKey())).status).toBe(200);
    expect(await mintStatuses(1)).toEqual([500]);
  });

  it('applies after earlier faults have ended', async () => {
    openAi.inject({ status: 500, times: 1 });
    openAi.inject({ status: 503, times: 1 });
    expect(await mintStatuses(3)).toEqual([500, 503, 200]);
  });

  it('sends its body as text or as JSON, with its headers', async () => {
    openAi.inject({ body: 'text', headers: { 'x-should-retry': 'false' }, times: 1 });
    openAi.inject({ status: 429, body: { error: {} }, times: 1 });
    const asText = await mint(openAi, fakeKey());
    expect([asText.status, await asText.text()]).toEqual([200, 'text']);
    expect(asText.headers.get('x-should-retry')).toBe('false');
    const asJson = await mint(openAi, fakeKey());
    expect(asJson.headers.get('content-type')).toBe('application/json');
    expect(await asJson.json()).toEqual({ error: {} });
  });

  it('can drop the connection', async () => {
    openAi.inject({ reset: true, times: 1 });
    await expect(mint(openAi, fakeKey())).rejects.toThrow('fetch failed');
  });

  it('can delay the normal response and its mint', async () => {
    openAi.inject({ delayMs: 20, times: 1 });
    const response = await mint(openAi, fakeKey());
    expect(await response.json()).toHaveProperty('value');
  });

  it('in place of a mint creates no client secret', async () => {
    const before = openAi.mintedSecrets;
    openAi.inject({ status: 500, times: 1 });
    await mintStatuses(1);
    expect(openAi.mintedSecrets).toBe(before);
  });
});

describe('the control route of the stand-in', () => {
  const url = () => new URL('/__control/faults', openAi.baseUrl);
  const post = (body: string, contentType = 'application/json') =>
    fetch(url(), { method: 'POST', headers: { 'content-type': contentType }, body });

  it('injects and clears faults, and its requests are not recorded', async () => {
    openAi.clearRequests();
    expect((await post('{"status":503}')).status).toBe(201);
    expect(await mintStatuses(1)).toEqual([503]);
    expect((await fetch(url(), { method: 'DELETE' })).status).toBe(204);
    expect(await mintStatuses(1)).toEqual([200]);
    expect(openAi.requests).toHaveLength(2);
  });

  it('refuses an invalid fault', async () => {
    for (const body of ['', '[]', '{"status":99}', '{"unknown":1}'])
      expect((await post(body)).status).toBe(400);
    expect(await mintStatuses(1)).toEqual([200]);
  });

  it('refuses a request that a page of another origin could send', async () => {
    expect((await post('{"status":503}', 'text/plain')).status).toBe(415);
    expect((await fetch(url(), { method: 'OPTIONS' })).headers.has('access-control-allow-origin')).toBe(
      false,
    );
  });
});
