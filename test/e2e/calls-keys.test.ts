import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { CANNED_OFFER } from '../../lambdas/domain/calls/canned-offer.ts';
import { openCall as openCallUseCase } from '../../lambdas/use-cases/calls/open-call.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { liveSessions, openCall, openedCall, sessionOf, slotsTaken } from '../support/calls.ts';
import { asOwner, decrypts, makeKeyedTenant, suspendWorkspaceKey } from '../support/keyed-tenant.ts';
import { openAiFingerprint, openAiOf } from '../support/openai.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, putWorkspaceKey, type Tenant } from '../support/tenant.ts';
import { MINT_SETTINGS, mintRequest, useCasePorts } from '../support/use-case-ports.ts';

/** Keys that change while calls run on them, and OpenAI at its worst; a replaced key is not retained here. */

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { KEY_RETENTION_HOURS: '0' } });
});
afterAll(async () => {
  await stack.close();
});

const CALLS = '/v1/realtime/calls';
const live = () => openAiOf(stack).liveCalls;
const keyPath = ({ workspaceId }: Tenant) => `/v1/workspaces/${workspaceId}/openai-key`;

/** Opens a call whose creation OpenAI takes its time for, and does something meanwhile. */
const openedWhile = async (tenant: Tenant, meanwhile: () => Promise<unknown>) => {
  const asked = () => openAiOf(stack).requests.filter(({ path }) => path === CALLS).length;
  const before = asked();
  openAiOf(stack).inject({ path: CALLS, delayMs: 2_000, times: 1 });
  const opening = openCall(stack, tenant);
  while (asked() === before) await sleep(20);
  await meanwhile();
  await stack.hangUps.drain();
  return opening;
};

describe('a call whose key is switched off while OpenAI creates the call', () => {
  it('is hung up by its own function with the key that is already open, if the key is suspended', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const answer = await openedWhile(tenant, () => suspendWorkspaceKey(stack, tenant));
    expectRefusal(answer, 423, 'openai_key_suspended');
    expect(live()).toEqual([]);
    expect(decrypts(stack)).toHaveLength(1);
    expect(await slotsTaken(stack, tenant)).toBe(0);
    expect(await liveSessions(stack, tenant)).toEqual([]);
  });

  it('is hung up and refused with openai_key_missing if the key is deleted', async () => {
    const tenant = await makeKeyedTenant(stack);
    const answer = await openedWhile(tenant, () => asOwner(stack, tenant, 'DELETE', keyPath(tenant)));
    expectRefusal(answer, 422, 'openai_key_missing');
    expect(live()).toEqual([]);
  });

  it('is hung up and refused with site_not_found if its site is archived', async () => {
    const tenant = await makeKeyedTenant(stack);
    const archive = () => asOwner(stack, tenant, 'DELETE', `/v1/sites/${tenant.siteId}`);
    expectRefusal(await openedWhile(tenant, archive), 404, 'site_not_found');
    expect(live()).toEqual([]);
  });
});

describe('a call whose key changes', () => {
  it('is ended if the key is replaced without retention', async () => {
    const tenant = await makeKeyedTenant(stack);
    const call = await openedCall(stack, tenant);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'key_replaced' });
  });

  it('continues if the same key is re-encrypted, and can still be ended', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { max_duration_seconds: 60 });
    const call = await openedCall(stack, tenant);
    await asOwner(stack, tenant, 'POST', `${keyPath(tenant)}/rotate`);
    await stack.hangUps.drain();
    expect(live()).toHaveLength(1);
    stack.advance(61_000);
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'max_duration' });
  });

  it('ends as lost and keeps its slot if OpenAI no longer accepts the key that could hang it up', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { max_duration_seconds: 60 });
    const call = await openedCall(stack, tenant);
    const body = { error: { message: 'Incorrect API key provided.', type: 'x', code: 'invalid_api_key' } };
    openAiOf(stack).inject({
      keyFingerprint: openAiFingerprint(tenant.key),
      status: 401,
      body,
      headers: { 'content-type': 'application/json' },
    });
    stack.advance(61_000);
    await stack.hangUps.drain();
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'lost' });
    // It may be going on: nobody else gets its slot before OpenAI has ended it.
    expect(await slotsTaken(stack, tenant)).toBe(1);
    openAiOf(stack).clearFaults();
  });
});

describe('a call that OpenAI does not create', () => {
  it.each([
    ['the connection breaks', { reset: true, times: 1 }, 502, 'openai_error'],
    ['OpenAI is overloaded', { status: 503, body: {}, times: 1 }, 502, 'openai_error'],
  ] as const)('is refused without a second attempt if %s', async (_, fault, status, code) => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    openAiOf(stack).inject({ path: CALLS, ...fault });
    expectRefusal(await openCall(stack, tenant), status, code);
    expect(openAiOf(stack).requests.filter(({ path }) => path === CALLS)).toHaveLength(1);
    expect(await slotsTaken(stack, tenant)).toBe(0);
    expect(await liveSessions(stack, tenant)).toEqual([]);
    await openedCall(stack, tenant);
  });
});

describe('a fault at any time', () => {
  beforeEach(async () => {
    stack.advance(3_600_000);
    await stack.hangUps.drain();
    // The one that was lost.
    for (const id of live()) openAiOf(stack).dropCall(id);
  });

  it('a message that is delivered twice ends its call once', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 }, { max_duration_seconds: 60 });
    stack.sqs.duplicateNext(1);
    const call = await openedCall(stack, tenant);
    stack.advance(61_000);
    await stack.hangUps.drain();
    expect(live()).toEqual([]);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'max_duration' });
    expect(await slotsTaken(stack, tenant)).toBe(0);
    await openedCall(stack, tenant);
  });

  it('a function that crashes before it records its call leaves nothing behind for longer than 90 seconds', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 1 });
    const ports = useCasePorts(stack);
    const died = new Promise<never>(() => undefined);
    void openCallUseCase(
      { ...ports, clock: stack.now, callIssuer: { ...ports.callIssuer, issue: () => died } },
      { ...MINT_SETTINGS, watch: 'off' },
    )({ ...mintRequest(tenant), offer: { sdp: CANNED_OFFER, hasDataChannel: false }, replaces: undefined });
    while (live().length === 0) await sleep(20);
    expectRefusal(await openCall(stack, tenant), 429, 'busy');
    stack.advance(76_000);
    await stack.sweep();
    await stack.hangUps.drain();
    expect(await liveSessions(stack, tenant)).toEqual([]);
    stack.advance(16_000);
    expect(await slotsTaken(stack, tenant)).toBe(0);
    // Nobody got its answer; OpenAI gives it up by itself.
    for (const id of live()) openAiOf(stack).dropCall(id);
    await openedCall(stack, tenant);
  });
});
