import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, startLocalOpenAi } from '../../../local/openai/server.ts';
import { prepareCall, type RealtimeCaller } from '../../support/realtime-caller.ts';
import { fakeKey, mint, refusalOf, secretOf } from './driver.ts';
import { postOffer } from './realtime/caller.ts';

const startMs = Date.UTC(2026, 10, 23);
let nowMs = startMs;
let openAi: LocalOpenAi;
beforeAll(async () => {
  openAi = await startLocalOpenAi({ now: () => nowMs });
});
afterAll(() => openAi.close());
beforeEach(() => {
  nowMs = startMs;
});

describe('a call with a client secret', () => {
  let caller: RealtimeCaller;
  beforeAll(async () => {
    caller = await prepareCall();
  });
  afterAll(() => caller.close());

  const call = (secret: string, body = caller.offer, contentType = 'application/sdp') =>
    postOffer(openAi, secret, body, contentType);
  const mintSecret = async (key = fakeKey()) => (await secretOf(await mint(openAi, key))).value;

  it('accepts the offer medium by medium and returns the call ID', async () => {
    const response = await call(await mintSecret());
    expect(response.status).toBe(201);
    expect(response.headers.get('location')).toMatch(/^\/v1\/realtime\/calls\/rtc_[0-9a-f]{32}$/);
    expect(response.headers.get('content-type')).toBe('application/sdp');
    const answer = await response.text();
    expect(answer.match(/^(m=\w+|a=mid:\d|a=group.*|a=rtpmap.*)/gm)).toEqual([
      'a=group:BUNDLE 0 1',
      'm=audio',
      'a=mid:0',
      'a=rtpmap:0 PCMU/8000',
      'm=application',
      'a=mid:1',
    ]);
    const offered = [...answer.matchAll(/^a=candidate:\S+ 1 udp \d+ (\S+) /gm)].map(([, address]) => address);
    expect(new Set(offered)).toEqual(new Set(['127.0.0.1']));
  });

  it('can be opened several times with the same secret until the secret expires', async () => {
    const secret = await mintSecret();
    nowMs += 59_999;
    expect((await call(secret)).status).toBe(201);
    expect((await call(secret)).status).toBe(201);
    nowMs += 1;
    expect((await call(secret)).status).toBe(401);
  });

  it('is refused for an unknown secret, a key instead of a secret, another content type and no offer', async () => {
    expect((await call(`ek_${'0'.repeat(32)}`)).status).toBe(401);
    expect((await call(fakeKey())).status).toBe(401);
    expect((await call(await mintSecret(), caller.offer, 'text/plain')).status).toBe(400);
    expect((await call(await mintSecret(), 'hello')).status).toBe(400);
  });

  it('is allowed for pages of every origin, unlike all other routes', async () => {
    const preflight = await fetch(`${openAi.baseUrl}/realtime/calls`, { method: 'OPTIONS' });
    expect(preflight.headers.get('access-control-allow-origin')).toBe('*');
    expect((await mint(openAi, fakeKey())).headers.get('access-control-allow-origin')).toBeNull();
  });

  it('is refused with 429 for a key that ends in latebusy', async () => {
    const response = await call(await mintSecret(fakeKey('latebusy')));
    expect(response.headers.get('retry-after')).toBe('7');
    expect(await refusalOf(response)).toMatchObject({ status: 429, code: 'rate_limit_exceeded' });
  });

  it('is refused with 403 for a key whose project lacks the model', async () => {
    const response = await call(await mintSecret(fakeKey('latenomodel')));
    expect(await refusalOf(response)).toMatchObject({ status: 403, code: 'model_not_found' });
  });
});
