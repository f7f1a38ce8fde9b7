import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { type LocalOpenAi, startLocalOpenAi } from '../../../../local/openai/server.ts';
import { CALLS_PATH, callWithKey, createCall, HANGUP_PATH, hangUp } from '../../../support/openai-calls.ts';
import { prepareCall, type RealtimeCaller } from '../../../support/realtime-caller.ts';
import { attachSideband } from '../../../support/sideband.ts';
import { fakeKey, goodSession } from '../driver.ts';

let openAi: LocalOpenAi;
let caller: RealtimeCaller;
beforeAll(async () => {
  openAi = await startLocalOpenAi();
  caller = await prepareCall();
});
afterEach(() => openAi.clearFaults());
afterAll(async () => {
  await caller.close();
  await openAi.close();
});

const create = (key = fakeKey(), signal?: AbortSignal) =>
  createCall(openAi, key, caller.offer, goodSession, signal);

describe('a fault of the creation of a call', () => {
  it('can delay the response', async () => {
    openAi.inject({ path: CALLS_PATH, delayMs: 20, times: 1 });
    expect((await create()).status).toBe(201);
  });

  it('can create a call and send no response', async () => {
    const before = openAi.liveCalls.length;
    openAi.inject({ path: CALLS_PATH, delivery: 'hang', times: 1 });
    await expect(create(fakeKey(), AbortSignal.timeout(1_500))).rejects.toThrow(/timeout/);
    expect(openAi.liveCalls).toHaveLength(before + 1);
  });

  it('leaves a call behind if the reset comes after the creation, and none if it comes before', async () => {
    const before = openAi.liveCalls.length;
    openAi.inject({ path: CALLS_PATH, delivery: 'reset', times: 1 });
    await expect(create()).rejects.toThrow('fetch failed');
    expect(openAi.liveCalls).toHaveLength(before + 1);
    openAi.inject({ path: CALLS_PATH, reset: true, times: 1 });
    await expect(create()).rejects.toThrow('fetch failed');
    expect(openAi.liveCalls).toHaveLength(before + 1);
  });

  it('can omit Location, or send one without a call ID', async () => {
    openAi.inject({ path: CALLS_PATH, headers: { location: null }, times: 1 });
    const without = await create();
    expect([without.status, without.headers.get('location')]).toEqual([201, null]);
    openAi.inject({ path: CALLS_PATH, headers: { location: '/v1/realtime/calls/../models' }, times: 1 });
    expect((await create()).headers.get('location')).toBe('/v1/realtime/calls/../models');
  });

  it('can create a call and return no SDP or an error', async () => {
    const before = openAi.liveCalls.length;
    openAi.inject({ path: CALLS_PATH, body: 'hello', afterDone: true, times: 1 });
    const noSdp = await create();
    expect([noSdp.status, noSdp.headers.get('content-type')]).toEqual([201, 'application/sdp']);
    expect([await noSdp.text(), noSdp.headers.get('location')]).toEqual(['hello', expect.any(String)]);
    openAi.inject({ path: CALLS_PATH, status: 500, afterDone: true, times: 1 });
    expect((await create()).status).toBe(500);
    expect(openAi.liveCalls).toHaveLength(before + 2);
  });

  it('can create a call that outlives its browser', async () => {
    const key = fakeKey();
    openAi.inject({ path: CALLS_PATH, outlivesBrowser: true, times: 1 });
    const { callId, close } = await callWithKey(openAi, key, goodSession);
    const sideband = await attachSideband(openAi, callId, key);
    await close();
    await sideband.update();
    expect(openAi.liveCalls).toContain(callId);
    await hangUp(openAi, callId, key);
    expect(await sideband.closed).toBe(1_000);
  });
});

describe('a fault of the hang-up', () => {
  it('applies as often as set, for any call, and the call continues meanwhile', async () => {
    const key = fakeKey();
    const { callId, close } = await callWithKey(openAi, key, goodSession);
    openAi.inject({ path: HANGUP_PATH, status: 500, times: 2 });
    const statuses: number[] = [];
    for (let tries = 0; tries < 2; tries += 1) statuses.push((await hangUp(openAi, callId, key)).status);
    expect(openAi.liveCalls).toContain(callId);
    statuses.push((await hangUp(openAi, callId, key)).status);
    expect(statuses).toEqual([500, 500, 200]);
    await close();
  });

  it('applies to one key only if the fault names the key', async () => {
    const key = fakeKey();
    const { callId, close } = await callWithKey(openAi, key, goodSession);
    openAi.inject({ path: HANGUP_PATH, keyFingerprint: '0123456789abcdef', status: 500 });
    expect((await hangUp(openAi, callId, key)).status).toBe(200);
    await close();
  });
});
