import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { switchPlatformKey } from '../../lambdas/use-cases/keys/switch-platform-key.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall, openedCall, sessionOf } from '../support/calls.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { platformKeyPorts, putPlatformKey } from '../support/platform-key.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { fakeKey, mint } from '../support/tenant.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  await putPlatformKey(stack, fakeKey());
});
afterAll(() => stack?.close());

const managed = () => makeKeyedTenant(stack, { billing_mode: 'managed' });
const switchTo = async (state: 'active' | 'suspended'): Promise<number> => {
  const { ports, close } = platformKeyPorts(stack);
  try {
    const settled = async () => undefined;
    return await switchPlatformKey({ ...ports, settled })({ sub: 'operator', sourceIp: '' }, state);
  } finally {
    close();
  }
};

describe('The kill switch of the managed key', () => {
  it('ends only managed calls, in every workspace, and refuses managed sessions until it is reversed', async () => {
    const tenants = [await managed(), await managed()];
    const own = await makeKeyedTenant(stack);
    const calls = [];
    for (const tenant of tenants) calls.push({ tenant, call: await openedCall(stack, tenant) });
    await openedCall(stack, own);

    expect(await switchTo('suspended')).toBe(3);
    for (const tenant of tenants) {
      expectRefusal(await mint(stack, tenant), 503, 'unavailable');
      expectRefusal(await openCall(stack, tenant), 503, 'unavailable');
    }
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toHaveLength(1);
    for (const { tenant, call } of calls)
      expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'key_suspended' });
    expectSuccess(await openCall(stack, own), 201);

    await switchTo('active');
    for (const tenant of tenants) expectSuccess(await openCall(stack, tenant), 201);
    stack.advance(3_600_000);
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toEqual([]);
  });
});

describe('A call on a managed key that is replaced', () => {
  let stack: TestStack;
  beforeAll(async () => {
    stack = await startTestStack({ audited: false });
    await putPlatformKey(stack, fakeKey());
  });
  afterAll(() => stack?.close());

  it('continues, can be ended, and is ended by a second replacement before its key is gone', async () => {
    const tenant = await makeKeyedTenant(stack, { billing_mode: 'managed' });
    const first = await openedCall(stack, tenant);
    await putPlatformKey(stack, fakeKey());
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toHaveLength(1);
    const second = await openedCall(stack, tenant);

    await putPlatformKey(stack, fakeKey());
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toHaveLength(1);
    expect(await sessionOf(stack, tenant, first)).toMatchObject({ ended_by: 'key_replaced' });
    const path = `/v1/sites/${tenant.siteId}/sessions/${second.session_id}/end`;
    expectSuccess(await stack.call('POST', path, { as: tenant.owner }), 202);
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toEqual([]);
    expect(await sessionOf(stack, tenant, second)).toMatchObject({ ended_by: 'operator' });
  });
});
