import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { signEvents } from '../../lambdas/domain/sessions/event-signature.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall, sessionOf } from '../support/calls.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { type CallerOptions, prepareCall, type RealtimeCaller } from '../support/realtime-caller.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { openTables } from '../support/tables.ts';
import { mint, type Tenant } from '../support/tenant.ts';

const TEXT = 'Welcome to the canary workshop.';
const PROMPT = `Begin the conversation. Say exactly this and nothing else: ${TEXT}`;
const INPUT = [{ type: 'message', role: 'system', content: [{ type: 'input_text', text: PROMPT }] }];
const conversation = { first_message: { type: 'text', text: TEXT } };

let stack: TestStack;
const callers: RealtimeCaller[] = [];
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { WATCH: 'eager' } });
});
afterAll(() => stack.close());
afterEach(async () => {
  for (const caller of callers.splice(0)) await caller.close();
  for (const callId of openAiOf(stack).liveCalls) openAiOf(stack).dropCall(callId);
  await until(() => stack.lambda.busy === 0, 'A watcher continues.');
});

const until = async (isTrue: () => boolean | Promise<boolean>, otherwise: string): Promise<void> => {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 25) {
    if (await isTrue()) return;
    await sleep(25);
  }
  throw new Error(otherwise);
};

const standIn = () => {
  const call = openAiOf(stack).calls.at(-1);
  if (call === undefined) throw new Error('There is no call.');
  return call;
};

/** The tokens of the stand-in's invoice by the names of the API. */
const invoiced = () => {
  const { totals } = standIn().invoice;
  return {
    input_text: totals.textInput,
    input_text_cached: totals.cachedTextInput,
    input_audio: totals.audioInput,
    input_audio_cached: totals.cachedAudioInput,
    output_text: totals.textOutput,
    output_audio: totals.audioOutput,
  };
};

const begin = async (
  tenant: Tenant,
  options: CallerOptions,
  body: Readonly<Record<string, unknown>> = {},
) => {
  const caller = await prepareCall(options);
  callers.push(caller);
  const answer = await openCall(stack, tenant, { sdp: caller.offer, ...body });
  const call = expectSuccess(answer, 201);
  await caller.connect(call.sdp);
  return { caller, call, answer };
};
type Begun = Awaited<ReturnType<typeof begin>>;

const tell = async (tenant: Tenant, { call }: Begun, type: string): Promise<string> => {
  const now = stack.now();
  const answer = await report(stack, tenant, call, [event(type, now)], { signedAt: now });
  expectSuccess(answer);
  return answer.text;
};

const billed = (responses: number) =>
  until(() => standIn().invoice.responses.length === responses, 'Nobody answers.');

/** Without a data channel the stand-in does not see that the browser left. */
const leave = async (tenant: Tenant, { call }: Begun): Promise<void> => {
  const path = `/v1/sites/${tenant.siteId}/sessions/${call.session_id}/end`;
  expectSuccess(await stack.call('POST', path, { as: tenant.owner }), 202);
  await until(async () => {
    await stack.hangUps.drain();
    return openAiOf(stack).liveCalls.length === 0;
  }, 'The call continues.');
  await until(() => stack.lambda.busy === 0, 'The watcher continues.');
};

describe('the first message', () => {
  it('goes to the page of a brokered site as an event, and OpenAI counts its response like any other', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered', conversation });
    const begun = await begin(tenant, {});
    expect(begun.call.first_message).toEqual({ type: 'response.create', response: { input: INPUT } });
    begun.caller.send(begun.call.first_message);
    await begun.caller.event('response.done');
    await until(() => begun.caller.heardMs > 0, 'Nothing is heard.');
    expect(standIn().responseRequests).toEqual([{ input: INPUT }]);
    await begun.caller.speak(600);
    await begun.caller.event('response.done', 2);
    await leave(tenant, begun);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced());
    expect(session).toMatchObject({ usage_source: 'watched', ended_by: 'operator' });
  });

  it('goes to the page that opens a session with a client secret', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { conversation });
    const { first_message } = expectSuccess(await mint(stack, tenant));
    expect(first_message).toEqual({ type: 'response.create', response: { input: INPUT } });
  });

  it('is not sent again in a call that replaces another', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered', conversation });
    const first = await begin(tenant, {});
    const t = Math.floor(stack.now().getTime() / 1_000);
    const { session_id, signing_secret } = first.call;
    const signature = `t=${t},v1=${signEvents(signing_secret, t, `replaces.${session_id}`)}`;
    const second = await begin(tenant, {}, { replaces: { session_id, signature } });
    expect(second.call.first_message).toBeNull();
  });

  it('is counted as one response if the page changes the message', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered', conversation });
    const begun = await begin(tenant, {});
    const changed = [{ ...INPUT[0], content: [{ type: 'input_text', text: 'Be rude, at length.' }] }];
    begun.caller.send({ type: 'response.create', response: { input: changed } });
    await begun.caller.event('response.done');
    await leave(tenant, begun);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced());
  });
});

describe('the first message of a locked site', () => {
  const locked = { control: 'locked', conversation };

  it('is requested by the watcher once the page is connected, and its text never reaches the page', async () => {
    const tenant = await makeKeyedTenant(stack, {}, locked);
    const begun = await begin(tenant, { dataChannel: false });
    const received = [begun.answer.text, ...[...begun.answer.headers].flat()];
    expect(begun.call.first_message).toBeNull();
    received.push(await tell(tenant, begun, 'connected'));
    await billed(1);
    await until(() => begun.caller.heardMs > 0, 'Nothing is heard.');
    expect(standIn().responseRequests).toMatchObject([{ input: INPUT }]);

    // A page that reports it once more hears no second one, and OpenAI answers its turn by itself.
    received.push(await tell(tenant, begun, 'connected'));
    await begun.caller.speak(600);
    await billed(2);
    received.push(await tell(tenant, begun, 'heartbeat'));
    expect(standIn().responseRequests).toMatchObject([{ input: INPUT }, {}]);
    expect(begun.caller.events).toEqual([]);
    expect(received.join('\n')).not.toMatch(/canary workshop|Begin the conversation/);

    await leave(tenant, begun);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced());
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: true, ended_by: 'operator' });
  });

  it('is stored only in the settings of the site', async () => {
    const tenant = await makeKeyedTenant(stack, {}, locked);
    const begun = await begin(tenant, { dataChannel: false });
    await tell(tenant, begun, 'connected');
    await billed(1);
    await leave(tenant, begun);
    const tables = openTables(stack);
    const names = ['keys', 'sessions', 'limits', 'usage'] as const;
    const stored = await Promise.all(names.map((name) => tables.scan(name)));
    tables.close();
    const kept = [...stack.logs, ...stored.flat().map((item) => JSON.stringify(item))].join('\n');
    expect(kept).not.toMatch(/canary workshop|Begin the conversation/);
  });

  it('cannot be requested by a page with a data channel', async () => {
    const tenant = await makeKeyedTenant(stack, {}, locked);
    const caller = await prepareCall();
    callers.push(caller);
    const answer = await openCall(stack, tenant, { sdp: caller.offer });
    expectRefusal(answer, 400, 'invalid_offer');
    expect(answer.text).not.toContain('canary workshop');
  });

  it('is left out if the visitor spoke first', async () => {
    const tenant = await makeKeyedTenant(stack, {}, locked);
    const begun = await begin(tenant, { dataChannel: false });
    await begun.caller.speak(600);
    await billed(1);
    await tell(tenant, begun, 'connected');
    await begun.caller.speak(600);
    await billed(2);
    expect(standIn().responseRequests).toEqual([{}, {}]);
  });

  it('is reserved under never_exceed, and settles to what OpenAI counted', async () => {
    const tenant = await makeKeyedTenant(stack, {}, locked);
    const path = `/v1/sites/${tenant.siteId}/budget`;
    const body = { period: 'day', amount_usd: 1, action: 'never_exceed' };
    expectSuccess(await stack.call('PUT', path, { as: tenant.owner, body }));
    const read = async () => expectSuccess(await stack.call('GET', path, { as: tenant.owner }));
    const begun = await begin(tenant, { dataChannel: false });
    await tell(tenant, begun, 'connected');
    await billed(1);
    await begun.caller.speak(600);
    await billed(2);
    await until(async () => (await read()).reserved_usd === 0, 'A reservation stays.');
    const [first, second] = standIn().responseRequests;
    expect(first).toMatchObject({ input: INPUT, metadata: { reservation: expect.stringMatching(/^rsv_/) } });
    expect(second).not.toHaveProperty('input');
    expect(first?.metadata).not.toEqual(second?.metadata);
    await leave(tenant, begun);
    const { receipt } = await sessionOf(stack, tenant, begun.call);
    expect(receipt.tokens).toMatchObject(invoiced());
    expect((await read()).spent_usd).toBeCloseTo(receipt.cost_cents / 100, 8);
  });

  it('ends the call without a request to OpenAI if the budget does not cover the message', async () => {
    const tenant = await makeKeyedTenant(stack, { openai_tier: 5 }, locked);
    const path = `/v1/sites/${tenant.siteId}/budget`;
    // Covers one response at a time, and is short of one after the first.
    const body = { period: 'day', amount_usd: 0.108, action: 'never_exceed' };
    expectSuccess(await stack.call('PUT', path, { as: tenant.owner, body }));
    const waiting = await begin(tenant, { dataChannel: false });
    const { callId } = standIn();
    const record = () => openAiOf(stack).calls.find((one) => one.callId === callId);
    const talking = await begin(tenant, { dataChannel: false });
    const other = standIn().callId;
    const isLive = (id: string) => openAiOf(stack).liveCalls.includes(id);
    const spent = async (): Promise<boolean> => {
      await stack.hangUps.drain();
      return !isLive(other);
    };
    await tell(tenant, talking, 'connected');
    for (let turns = 1; !(await spent()); turns += 1) {
      await until(
        async () => (await spent()) || standIn().invoice.responses.length >= turns,
        'The call neither answers nor ends.',
      );
      if (isLive(other)) await talking.caller.speak(600);
    }
    expect(isLive(callId)).toBe(true);
    await tell(tenant, waiting, 'connected');
    await until(async () => {
      await stack.hangUps.drain();
      return !isLive(callId);
    }, 'The call continues.');
    expect(record()).toMatchObject({ responseRequests: [], invoice: { responses: [] } });
    await until(() => stack.lambda.busy === 0, 'The watcher continues.');
    expect(await sessionOf(stack, tenant, waiting.call)).toMatchObject({ ended_by: 'budget' });
  });
});
