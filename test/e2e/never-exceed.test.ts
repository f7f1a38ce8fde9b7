import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { costOf } from '../../lambdas/domain/usage/cost.ts';
import { priceOf } from '../../lambdas/domain/usage/price-catalogue.ts';
import { NO_TOKENS } from '../../lambdas/domain/usage/token-counts.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall, openedCall, sessionOf } from '../support/calls.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { prepareCall, type RealtimeCaller } from '../support/realtime-caller.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import type { Tenant } from '../support/tenant.ts';

let stack: TestStack;
const callers: RealtimeCaller[] = [];
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { WATCH: 'eager' } });
});
afterAll(() => stack.close());
afterEach(async () => {
  for (const caller of callers.splice(0)) await caller.close();
  for (const callId of openAiOf(stack).liveCalls) openAiOf(stack).dropCall(callId);
  openAiOf(stack).clearFaults();
  await until(() => stack.lambda.busy === 0, 'A watcher continues.');
});

const until = async (isTrue: () => boolean | Promise<boolean>, otherwise: string): Promise<void> => {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 25) {
    if (await isTrue()) return;
    await sleep(25);
  }
  throw new Error(otherwise);
};

const budgetOf = ({ siteId }: Tenant): string => `/v1/sites/${siteId}/budget`;
const put = (tenant: Tenant, amount_usd: number, action = 'never_exceed') =>
  stack.call('PUT', budgetOf(tenant), { as: tenant.owner, body: { period: 'day', amount_usd, action } });
const read = async (tenant: Tenant) =>
  expectSuccess(await stack.call('GET', budgetOf(tenant), { as: tenant.owner }));

/** A locked site with a budget that is never exceeded. */
const makeTenant = async (amount_usd: number): Promise<Tenant> => {
  const tenant = await makeKeyedTenant(stack, {}, { control: 'locked' });
  expectSuccess(await put(tenant, amount_usd));
  return tenant;
};

const begin = async (tenant: Tenant) => {
  const caller = await prepareCall({ dataChannel: false });
  callers.push(caller);
  const call = expectSuccess(await openCall(stack, tenant, { sdp: caller.offer }), 201);
  await caller.connect(call.sdp);
  return { caller, call };
};

const standIn = () => {
  const call = openAiOf(stack).calls.at(-1);
  if (call === undefined) throw new Error('There is no call.');
  return call;
};

/** One turn of the visitor, until the stand-in has billed this many responses. */
const ask = async (caller: RealtimeCaller, responses: number): Promise<void> => {
  await caller.speak(600);
  await until(() => standIn().invoice.responses.length === responses, 'Nobody answers.');
};

/** The cost of the latest call by the stand-in's invoice, micro-cents. */
const invoiced = (): number => {
  const { totals } = standIn().invoice;
  const price = priceOf('gpt-realtime-2.1-mini', new Date(), 'global');
  if (price === undefined) throw new Error('The model has no price.');
  const tokens = {
    ...NO_TOKENS,
    textIn: totals.textInput,
    cachedTextIn: totals.cachedTextInput,
    audioIn: totals.audioInput,
    cachedAudioIn: totals.cachedAudioInput,
    textOut: totals.textOutput,
    audioOut: totals.audioOutput,
  };
  return costOf(tokens, price).totalMicroCents;
};

const microCents = (usd: number): number => Math.round(usd * 100_000_000);

/** Without a data channel the stand-in does not see that the browser left. */
const leave = async (tenant: Tenant, { session_id }: { readonly session_id: string }): Promise<void> => {
  await stack.call('POST', `/v1/sites/${tenant.siteId}/sessions/${session_id}/end`, { as: tenant.owner });
  await hungUp();
  await until(() => stack.lambda.busy === 0, 'The watcher continues.');
};

const hungUp = () =>
  until(async () => {
    await stack.hangUps.drain();
    return openAiOf(stack).liveCalls.length === 0;
  }, 'The call continues.');

describe('a call under a budget that is never exceeded', () => {
  it('is answered turn by turn, and each response settles to the usage that OpenAI counted', async () => {
    const tenant = await makeTenant(1);
    const { caller, call } = await begin(tenant);
    expect(standIn().session).toMatchObject({
      audio: { input: { turn_detection: { create_response: false, interrupt_response: true } } },
    });
    await ask(caller, 1);
    await ask(caller, 2);
    await until(async () => (await read(tenant)).reserved_usd === 0, 'A reservation stays.');
    const { spent_usd } = await read(tenant);
    expect(microCents(spent_usd)).toBe(invoiced());
    await leave(tenant, call);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({
      usage_complete: true,
      receipt: { cost_cents: invoiced() / 1_000_000 },
    });
    expect((await read(tenant)).spent_usd).toBe(spent_usd);
  });

  it("ends before a response that might not fit, both by the spending and by OpenAI's invoice", async () => {
    const tenant = await makeTenant(0.11);
    const { caller, call } = await begin(tenant);
    await ask(caller, 1);
    let turns = 1;
    while (openAiOf(stack).liveCalls.length > 0 && turns++ < 20) {
      await caller.speak(600);
      for (let waits = 0; waits < 40; waits++) {
        await stack.hangUps.drain();
        if (openAiOf(stack).liveCalls.length === 0) break;
        await sleep(50);
      }
    }
    await until(() => stack.lambda.busy === 0, 'The watcher continues.');
    expect((await sessionOf(stack, tenant, call)).ended_by).toBe('budget');
    const { spent_usd, reserved_usd } = await read(tenant);
    expect(microCents(spent_usd) + microCents(reserved_usd)).toBeLessThanOrEqual(11_000_000);
    expect(microCents(spent_usd)).toBe(invoiced());
    expectRefusal(await openCall(stack, tenant), 402, 'budget_exhausted');
  });

  it('is refused at no cost if its watcher does not run', async () => {
    const tenant = await makeTenant(1);
    stack.lambda.inject({ kind: 'drop' });
    expectRefusal(await openCall(stack, tenant), 429, 'busy');
    expect((await read(tenant)).spent_usd).toBe(0);
  });

  it('is charged the highest possible cost of a response that the visitor cuts off', async () => {
    const tenant = await makeTenant(1);
    const { caller } = await begin(tenant);
    await caller.speak(600);
    await until(async () => (await read(tenant)).reserved_usd > 0, 'Nothing is reserved.');
    openAiOf(stack).dropCall(standIn().callId);
    await until(() => stack.lambda.busy === 0, 'The watcher continues.');
    const { spent_usd, reserved_usd } = await read(tenant);
    expect(reserved_usd).toBe(0);
    expect(spent_usd).toBeGreaterThan(0.1);
    expect(microCents(spent_usd)).toBeGreaterThanOrEqual(invoiced());
  });

  it('is ended if it began before the budget, and can be opened again under the budget', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'locked' });
    const call = await openedCall(stack, tenant);
    expectSuccess(await put(tenant, 1));
    await hungUp();
    expect((await sessionOf(stack, tenant, call)).ended_by).toBe('budget');
    expectSuccess(await openCall(stack, tenant), 201);
    expectSuccess(await put(tenant, 2));
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toHaveLength(1);
  });
});

describe('a second budget that is never exceeded', () => {
  it('ends a call that reserves only in the first budget, because the second one cannot cover its response', async () => {
    const tenant = await makeTenant(1);
    const { call } = await begin(tenant);
    expectSuccess(
      await stack.call('PUT', `/v1/workspaces/${tenant.workspaceId}/budget`, {
        as: tenant.owner,
        body: { period: 'day', amount_usd: 1, action: 'never_exceed' },
      }),
    );
    await hungUp();
    expect((await sessionOf(stack, tenant, call)).ended_by).toBe('budget');
  });
});

describe('the rules of a budget that is never exceeded', () => {
  it('require locked sites, a known price and an amount for one response, when budget or site changes', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'locked' });
    const refused = await put(tenant, 0.05);
    expectRefusal(refused, 400, 'invalid_request');
    expect(refused.error.details?.[0]?.message).toContain('needs at least 0.11');
    const change = (body: Readonly<Record<string, unknown>>) =>
      stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body });
    expectSuccess(await change({ model: 'gpt-realtime-9' }));
    expectRefusal(await put(tenant, 5), 409, 'price_required');
    expectSuccess(await change({ model: 'gpt-realtime-2.1' }));
    expectSuccess(await put(tenant, 5));
    expectRefusal(await change({ model: 'gpt-realtime-9' }), 409, 'price_required');
    expectRefusal(await change({ control: 'brokered' }), 409, 'control_required');
  });
});
