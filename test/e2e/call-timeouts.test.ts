import { randomBytes } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { CALL_TIMEOUTS, openAiCalls } from '../../lambdas/adapters/openai/realtime-calls.ts';
import { CANNED_OFFER } from '../../lambdas/domain/calls/canned-offer.ts';
import { OpenAiFailure } from '../../lambdas/domain/openai-failure.ts';
import { Secret } from '../../lambdas/domain/secret.ts';
import { DEFAULT_VOICE_SETTINGS } from '../../lambdas/domain/tenancy/workspace.ts';
import { type LocalOpenAi, makeFakeKey, startLocalOpenAi } from '../../local/openai/server.ts';
import { CALLS_PATH } from '../support/openai.ts';

/** An OpenAI that is slower than the broker waits. The limits are shorter than in a deployment, and their order is the same. */

/** Far longer than any limit here, so that no machine is too slow for the difference. */
const SLOW_MS = 120_000;
const HANG_UP_PATH = `${CALLS_PATH}/*/hangup`;
const CREATE = {
  settings: DEFAULT_VOICE_SETTINGS,
  turnByTurn: false,
  offer: CANNED_OFFER,
  safetyIdentifier: undefined,
};

let openAi: LocalOpenAi;
const key = Secret.fromText(makeFakeKey(randomBytes));
const patient = () => openAiCalls(openAi.baseUrl);
const requestsTo = (end: string) => openAi.requests.filter(({ path }) => path.endsWith(end));

beforeAll(async () => {
  openAi = await startLocalOpenAi();
});
afterEach(() => {
  openAi.clearFaults();
  openAi.clearRequests();
});
afterAll(() => openAi.close());

describe('A call that OpenAI is slow to create', () => {
  it('fails with a timeout and is never requested again', async () => {
    openAi.inject({ path: CALLS_PATH, delayMs: SLOW_MS });
    const hasty = openAiCalls(openAi.baseUrl, undefined, { createMs: 2_000, hangUpMs: 60_000 });
    const failure = await hasty.createCall(key, CREATE).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(OpenAiFailure);
    expect(failure).toMatchObject({ reason: 'timeout' });
    expect(requestsTo(CALLS_PATH)).toHaveLength(1);
  });
});

describe('A call that OpenAI is slow to hang up', () => {
  const hasty = () => openAiCalls(openAi.baseUrl, undefined, { createMs: 60_000, hangUpMs: 3_000 });
  const opened = async () => {
    const { callId } = await patient().createCall(key, CREATE);
    return { callId, dataResidency: CREATE.settings.dataResidency };
  };

  it('is hung up by the second attempt', async () => {
    const call = await opened();
    openAi.inject({ path: HANG_UP_PATH, delayMs: SLOW_MS, times: 1 });
    await openAiCalls(openAi.baseUrl, undefined, { createMs: 60_000, hangUpMs: 5_000 }).hangUp(key, call);
    expect(requestsTo('/hangup')).toHaveLength(2);
    expect(openAi.liveCalls).toEqual([]);
  });

  it('times out after two attempts and is left to the queue', async () => {
    const call = await opened();
    openAi.inject({ path: HANG_UP_PATH, delayMs: SLOW_MS });
    await expect(hasty().hangUp(key, call)).rejects.toMatchObject({ reason: 'timeout' });
    expect(requestsTo('/hangup')).toHaveLength(2);
    openAi.clearFaults();
    await patient().hangUp(key, call);
    expect(openAi.liveCalls).toEqual([]);
  });
});

it('A deployment waits 12 s to create a call and twice 5 s to end it, within the 29 s of the function', () => {
  expect(CALL_TIMEOUTS).toEqual({ createMs: 12_000, hangUpMs: 5_000 });
  expect(CALL_TIMEOUTS.createMs + 2 * CALL_TIMEOUTS.hangUpMs).toBeLessThan(29_000);
});
