import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { SignJWT } from 'jose';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { liveSessions, openCall, sessionOf, slotsTaken } from '../support/calls.ts';
import { asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { prepareCall, type RealtimeCaller } from '../support/realtime-caller.ts';
import { event, report, usageEvent } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { openTables } from '../support/tables.ts';
import type { Tenant } from '../support/tenant.ts';

let stack: TestStack;
let strictStack: TestStack;
const callers: RealtimeCaller[] = [];
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { WATCH: 'eager' } });
  strictStack = await startTestStack({ audited: false, variables: { WATCH: 'strict' } });
});
afterAll(async () => {
  await stack.close();
  await strictStack.close();
});
afterEach(async () => {
  for (const caller of callers.splice(0)) await caller.close();
  for (const each of [stack, strictStack]) {
    openAiOf(each).clearFaults();
    await until(() => each.lambda.busy === 0, 'A watcher continues.');
  }
});

const until = async (isTrue: () => boolean | Promise<boolean>, otherwise: string): Promise<void> => {
  for (let waitedMs = 0; waitedMs < 20_000; waitedMs += 25) {
    if (await isTrue()) return;
    await sleep(25);
  }
  throw new Error(otherwise);
};

interface Begun {
  readonly caller: RealtimeCaller;
  readonly call: { readonly session_id: string; readonly signing_secret: string; readonly sdp: string };
}

const begin = async (
  on: TestStack,
  tenant: Tenant,
  body: Readonly<Record<string, unknown>> = {},
): Promise<Begun> => {
  const caller = await prepareCall();
  callers.push(caller);
  const call = expectSuccess(await openCall(on, tenant, { sdp: caller.offer, ...body }), 201);
  await caller.connect(call.sdp);
  return { caller, call };
};

const attached = (on: TestStack): Promise<void> =>
  until(() => openAiOf(on).calls.at(-1)?.sidebands === 1, 'No watcher attached.');

/** Two turns of the visitor, each with its answer. */
const talk = async ({ caller }: Begun): Promise<void> => {
  for (const turn of [1, 2]) {
    await caller.speak(600);
    await caller.event('response.done', turn);
  }
};

const ended = (on: TestStack): Promise<void> => until(() => on.lambda.busy === 0, 'The watcher continues.');

/** How the watchers of a stack have ended, in order. */
const outcomes = (on: TestStack): readonly string[] =>
  on.logs.flatMap((line) => {
    const { message, outcome } = JSON.parse(line) as { message?: string; outcome?: string };
    return message === 'watch ended' && outcome !== undefined ? [outcome] : [];
  });

/** The tokens of the stand-in's invoice by the names of the API. */
const invoiced = (on: TestStack) => {
  const totals = openAiOf(on).calls.at(-1)?.invoice.totals;
  return {
    input_text: totals?.textInput,
    input_text_cached: totals?.cachedTextInput,
    input_audio: totals?.audioInput,
    input_audio_cached: totals?.cachedAudioInput,
    output_text: totals?.textOutput,
    output_audio: totals?.audioOutput,
  };
};

const makeTenant = (on: TestStack, settings: Readonly<Record<string, unknown>> = {}) =>
  makeKeyedTenant(on, {}, { control: 'brokered', ...settings });

describe('the usage of a watched call', () => {
  it('is exactly what OpenAI counted, although the page reports nothing', async () => {
    const tenant = await makeTenant(strictStack);
    const begun = await begin(strictStack, tenant);
    await talk(begun);
    await begun.caller.close();
    await ended(strictStack);
    const session = await sessionOf(strictStack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced(strictStack));
    expect(session.receipt.tokens.output_audio).toBeGreaterThan(0);
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: true });
  });

  it('is complete on a site with its own conversation settings, which the watcher does not mistake for tampering', async () => {
    const conversation = {
      turn_detection: { type: 'server_vad', silence_duration_ms: 400, threshold: 0.4 },
      noise_reduction: 'near_field',
      speed: 1.1,
      max_output_tokens: 2_048,
      reasoning_effort: 'low',
    };
    const tenant = await makeTenant(strictStack, { conversation });
    const begun = await begin(strictStack, tenant);
    // A change in the middle of the call counts from the next one.
    expectSuccess(
      await strictStack.call('PATCH', `/v1/sites/${tenant.siteId}`, {
        as: tenant.owner,
        body: { conversation: { ...conversation, max_output_tokens: 512 } },
      }),
    );
    await talk(begun);
    begun.caller.send({ type: 'session.update', session: { type: 'realtime', tool_choice: 'none' } });
    await begun.caller.event('session.updated');
    const restored = await begun.caller.event('session.updated', 2);
    expect(restored.session).toMatchObject({
      max_output_tokens: 2_048,
      reasoning: { effort: 'low' },
      tool_choice: 'auto',
      audio: { input: { turn_detection: { silence_duration_ms: 400 } }, output: { speed: 1.1 } },
    });
    await begun.caller.close();
    await ended(strictStack);
    const session = await sessionOf(strictStack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced(strictStack));
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: true, ended_by: null });
  });

  it('is what OpenAI counted, although the page reports ten times as much', async () => {
    const tenant = await makeTenant(strictStack);
    const begun = await begin(strictStack, tenant);
    await talk(begun);
    const now = strictStack.now();
    const claim = usageEvent(now, { audioIn: 3_000, audioOut: 3_000 });
    expectSuccess(
      await report(strictStack, tenant, begun.call, [event('connected', now), claim], {
        signedAt: now,
      }),
    );
    await begun.caller.close();
    await ended(strictStack);
    const { receipt } = await sessionOf(strictStack, tenant, begun.call);
    expect(receipt.tokens).toMatchObject(invoiced(strictStack));
    expect(receipt).toMatchObject({ usage_source: 'watched', usage_complete: true });
  });

  it('is not complete if the call ends in the middle of a response', async () => {
    const tenant = await makeTenant(strictStack);
    const begun = await begin(strictStack, tenant);
    await begun.caller.speak(600);
    await begun.caller.event('response.created');
    await begun.caller.close();
    await ended(strictStack);
    expect(await sessionOf(strictStack, tenant, begun.call)).toMatchObject({ usage_complete: false });
  });

  it('is complete if an eager watcher saw the first item', async () => {
    const tenant = await makeTenant(stack);
    const begun = await begin(stack, tenant);
    await attached(stack);
    await talk(begun);
    await begun.caller.close();
    await ended(stack);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: true });
    expect(session.receipt.tokens).toMatchObject(invoiced(stack));
  });

  it('is not complete if the watcher attached after the first response', async () => {
    const tenant = await makeTenant(stack);
    stack.lambda.inject({ kind: 'delay', ms: 30_000 });
    const begun = await begin(stack, tenant);
    await talk(begun);
    stack.advance(30_000);
    await attached(stack);
    await begun.caller.speak(600);
    await begun.caller.event('response.done', 3);
    await begun.caller.close();
    await ended(stack);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: false });
  });

  it('counts each response once if the watcher is started twice', async () => {
    const tenant = await makeTenant(strictStack);
    strictStack.lambda.inject({ kind: 'duplicate' });
    const begun = await begin(strictStack, tenant);
    await talk(begun);
    expect(openAiOf(strictStack).calls.at(-1)?.sidebands).toBe(1);
    await begun.caller.close();
    await ended(strictStack);
    const session = await sessionOf(strictStack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced(strictStack));
    expect(session).toMatchObject({ usage_complete: true });
  });

  it.each([1_000, 1_001, 1_006, 1_008, 1_011, 1_012, 1_013, 4_000])(
    'continues, and is not complete, if OpenAI closes the sideband with %d',
    async (code) => {
      const tenant = await makeTenant(strictStack);
      const begun = await begin(strictStack, tenant);
      await talk(begun);
      const [callId = ''] = openAiOf(strictStack).liveCalls;
      openAiOf(strictStack).closeSidebands(callId, code);
      await attached(strictStack);
      await begun.caller.speak(600);
      await begun.caller.event('response.done', 3);
      await begun.caller.close();
      await ended(strictStack);
      const session = await sessionOf(strictStack, tenant, begun.call);
      expect(session.receipt.tokens).toMatchObject(invoiced(strictStack));
      expect(session).toMatchObject({ usage_complete: false });
    },
  );

  it('comes from the page if no watcher ever ran', async () => {
    const tenant = await makeTenant(stack);
    stack.lambda.inject({ kind: 'drop' });
    const begun = await begin(stack, tenant);
    await begun.caller.close();
    expect(await sessionOf(stack, tenant, begun.call)).toMatchObject({
      usage_source: 'browser',
      usage_complete: false,
    });
  });
});

describe('the slot of a watched call whose page dies without a report', () => {
  it('is free two seconds after the watcher saw the end, once, and the slot of the next call stays taken', async () => {
    const tenant = await makeKeyedTenant(strictStack, { openai_tier: 1 }, { control: 'brokered' });
    const first = await begin(strictStack, tenant);
    await talk(first);
    await first.caller.close();
    await ended(strictStack);
    strictStack.advance(2_000);
    await strictStack.hangUps.drain();
    expect(await slotsTaken(strictStack, tenant)).toBe(0);
    expect(await liveSessions(strictStack, tenant)).toEqual([]);
    expect(await sessionOf(strictStack, tenant, first.call)).toMatchObject({
      ended_by: 'openai',
      usage_complete: true,
    });
    // Reports of the dead page that come late, and the sweeper, find nothing more to free.
    const second = await begin(strictStack, tenant);
    const now = strictStack.now();
    const late = event('ended', now, { reason: 'page_closed' });
    expectSuccess(await report(strictStack, tenant, first.call, [late], { signedAt: now }));
    strictStack.advance(60_000);
    await strictStack.sweep();
    await strictStack.hangUps.drain();
    expect(await slotsTaken(strictStack, tenant)).toBe(1);
    expect(await liveSessions(strictStack, tenant)).toEqual([second.call.session_id]);
    expect(await sessionOf(strictStack, tenant, first.call)).toMatchObject({ ended_by: 'openai' });
  });

  it('stays taken while the call continues, even if the watcher loses its connection', async () => {
    const tenant = await makeTenant(strictStack);
    const begun = await begin(strictStack, tenant);
    const [callId = ''] = openAiOf(strictStack).liveCalls;
    openAiOf(strictStack).closeSidebands(callId, 1_011);
    await attached(strictStack);
    await talk(begun);
    strictStack.advance(2_000);
    await strictStack.hangUps.drain();
    expect(await slotsTaken(strictStack, tenant)).toBe(1);
    expect(openAiOf(strictStack).liveCalls).toEqual([callId]);
    await begun.caller.close();
  });

  it('is freed by the report of the page, which then records who ended the call', async () => {
    const tenant = await makeTenant(strictStack);
    const begun = await begin(strictStack, tenant);
    const now = strictStack.now();
    const left = event('ended', now, { reason: 'hung_up' });
    await begun.caller.close();
    await ended(strictStack);
    expectSuccess(await report(strictStack, tenant, begun.call, [left], { signedAt: now }));
    await strictStack.hangUps.drain();
    strictStack.advance(2_000);
    await strictStack.hangUps.drain();
    expect(await slotsTaken(strictStack, tenant)).toBe(0);
    expect(await sessionOf(strictStack, tenant, begun.call)).toMatchObject({ ended_by: 'visitor' });
  });
});

describe('a call that lasts longer than one watcher runs', () => {
  const MINUTES_11 = 11 * 60_000;
  /** A page may ask for an answer without a turn. */
  const ask = async ({ caller }: Begun, nth: number): Promise<void> => {
    caller.send({ type: 'response.create' });
    await caller.event('response.done', nth);
  };
  const handovers = (): number => outcomes(strictStack).filter((outcome) => outcome === 'handed_over').length;

  it('has exact and complete usage after handovers, if two sidebands may attach', async () => {
    const tenant = await makeTenant(strictStack, { max_duration_seconds: 3_600 });
    const begun = await begin(strictStack, tenant);
    const before = handovers();
    for (let nth = 1; nth <= 12; nth += 1) {
      if (nth % 3 === 0) strictStack.advance(MINUTES_11);
      await ask(begun, nth);
    }
    await until(() => handovers() === before + 4, 'No handover.');
    await begun.caller.close();
    await ended(strictStack);
    const session = await sessionOf(strictStack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced(strictStack));
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: true });
  });

  it.each([
    ['is refused', { status: 409 }],
    ['is closed at once', { closeSideband: { code: 1_008 } }],
  ])('has incomplete usage if a second sideband %s', async (_, answer) => {
    const tenant = await makeTenant(strictStack, { max_duration_seconds: 3_600 });
    const begun = await begin(strictStack, tenant);
    openAiOf(strictStack).inject({ path: '/v1/realtime', onlySecondSideband: true, ...answer });
    await ask(begun, 1);
    const failed = (): number => outcomes(strictStack).filter((outcome) => outcome === 'not_taken').length;
    const before = failed();
    strictStack.advance(MINUTES_11);
    // The old watcher waits from its request on, so the clock may not go on before.
    await until(() => failed() > before, 'The old watcher asked for no successor.');
    await ask(begun, 2);
    // The old watcher waits for its successor in vain, and makes place.
    strictStack.advance(31_000);
    await ask(begun, 3);
    await until(() => outcomes(strictStack).at(-1) === 'handed_over', 'The old watcher stays.');
    await attached(strictStack);
    await ask(begun, 4);
    await begun.caller.close();
    await ended(strictStack);
    const session = await sessionOf(strictStack, tenant, begun.call);
    expect(session.receipt.tokens.output_audio).toBeGreaterThan(0);
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: false });
  });

  it('gets a watcher from the sweep if its first one never started, and its usage is not complete', async () => {
    const tenant = await makeTenant(stack);
    stack.lambda.inject({ kind: 'drop' });
    const begun = await begin(stack, tenant);
    await ask(begun, 1);
    const now = stack.now();
    const first = usageEvent(now, { audioIn: 12, audioOut: 8 });
    expectSuccess(
      await report(stack, tenant, begun.call, [event('connected', now), first], { signedAt: now }),
    );
    stack.advance(60_000);
    const later = stack.now();
    expectSuccess(await report(stack, tenant, begun.call, [event('heartbeat', later)], { signedAt: later }));
    await stack.sweep();
    expect(openAiOf(stack).calls.at(-1)?.sidebands).toBe(0);
    stack.advance(20_000);
    await stack.sweep();
    await attached(stack);
    const unseen = invoiced(stack).output_audio ?? 0;
    await ask(begun, 2);
    const seen = (invoiced(stack).output_audio ?? 0) - unseen;
    expect(seen).toBeGreaterThan(0);
    await begun.caller.close();
    await ended(stack);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: false });
    // Reported by the page before there was a watcher, and counted by the watcher.
    expect(session.receipt.tokens.output_audio).toBe(8 + seen);
  });

  it('gets a watcher from the sweep if its own is lost, and its usage is not complete', async () => {
    const tenant = await makeTenant(stack);
    const begun = await begin(stack, tenant);
    await attached(stack);
    const [callId = ''] = openAiOf(stack).liveCalls;
    // OpenAI refuses to let the watcher attach again, and so it leaves.
    openAiOf(stack).inject({ path: '/v1/realtime', status: 500, times: 10 });
    openAiOf(stack).closeSidebands(callId, 1_011);
    await ended(stack);
    openAiOf(stack).clearFaults();
    await ask(begun, 1);
    const alive = async (): Promise<void> => {
      const now = stack.now();
      expectSuccess(await report(stack, tenant, begun.call, [event('heartbeat', now)], { signedAt: now }));
    };
    for (let minute = 1; minute <= 2; minute += 1) {
      stack.advance(60_000);
      await alive();
      await stack.sweep();
    }
    await attached(stack);
    await ask(begun, 2);
    await begun.caller.close();
    await ended(stack);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session.receipt.tokens.output_audio).toBeGreaterThan(0);
    expect(session).toMatchObject({ usage_source: 'watched', usage_complete: false });
  });
});

describe('a budget that ends calls', () => {
  it('is charged by the watcher once for each response, and hangs up the call when it is spent', async () => {
    const tenant = await makeTenant(stack);
    const path = `/v1/sites/${tenant.siteId}/budget`;
    const amount = 0.01;
    const body = { period: 'day', amount_usd: amount, action: 'end_calls' };
    expectSuccess(await stack.call('PUT', path, { as: tenant.owner, body }));
    const spent = async (): Promise<number> => (await asOwner(stack, tenant, 'GET', path)).spent_usd;
    const begun = await begin(stack, tenant);
    expect(openAiOf(stack).calls.at(-1)?.sidebands).toBe(1);
    let charged = 0;
    for (let turn = 1; charged < amount; turn += 1) {
      await stack.hangUps.drain();
      expect(openAiOf(stack).liveCalls).toHaveLength(1);
      await begun.caller.speak(600);
      await begun.caller.event('response.done', turn);
      const before = charged;
      await until(async () => (await spent()) > before, 'The budget is not charged.');
      charged = await spent();
      const { receipt } = await sessionOf(stack, tenant, begun.call);
      expect(charged).toBeCloseTo(receipt.cost_cents / 100, 8);
    }
    await until(async () => {
      await stack.hangUps.drain();
      return openAiOf(stack).liveCalls.length === 0;
    }, 'The call continues.');
    await ended(stack);
    const session = await sessionOf(stack, tenant, begun.call);
    expect(session.ended_by).toBe('budget');
    expect(await spent()).toBeCloseTo(session.receipt.cost_cents / 100, 8);
  });
});

describe('a strict stage', () => {
  it.each(['drop', 'throttle'] as const)(
    'hangs up a call whose watcher was lost to a %s, and asks the visitor to try again',
    async (kind) => {
      const tenant = await makeTenant(strictStack);
      // The SDK sends a throttled request twice.
      strictStack.lambda.inject({ kind }, kind === 'throttle' ? 2 : 1);
      expectRefusal(await openCall(strictStack, tenant), 429, 'busy');
      expect(openAiOf(strictStack).liveCalls).toEqual([]);
    },
  );
});

describe('the session of a watched call', () => {
  it('is restored when the page changes it, and the call ends at the second change', async () => {
    const tenant = await makeTenant(strictStack, { instructions: 'Be kind.' });
    const { caller, call } = await begin(strictStack, tenant);
    const change = { type: 'session.update', session: { type: 'realtime', instructions: 'Be rude.' } };
    const instructions = () => openAiOf(strictStack).calls.at(-1)?.session['instructions'];
    caller.send(change);
    // The watcher's own, the page's, and the restore.
    await caller.event('session.updated', 2);
    await until(() => instructions() === 'Be kind.', 'The session is not restored.');
    await sleep(300);
    caller.send(change);
    await until(async () => {
      await strictStack.hangUps.drain();
      return openAiOf(strictStack).liveCalls.length === 0;
    }, 'The call continues.');
    await ended(strictStack);
    expect(await sessionOf(strictStack, tenant, call)).toMatchObject({ ended_by: 'tampered' });
  });

  it('keeps the instructions that were filled in for its visitor', async () => {
    const tenant = await makeTenant(strictStack, {
      instructions: 'Greet {{name}}.',
      require_embed_token: true,
    });
    const { secret } = await asOwner(strictStack, tenant, 'PUT', `/v1/sites/${tenant.siteId}/embed-key`, {
      algorithm: 'HS256',
    });
    const embed_token = await new SignJWT({ variables: { name: 'Ada' } })
      .setProtectedHeader({ alg: 'HS256' })
      .setAudience(tenant.siteId)
      .setSubject('visitor-1')
      .setJti(randomUUID())
      .setExpirationTime(Math.floor(strictStack.now().getTime() / 1_000) + 120)
      .sign(Buffer.from(secret));
    const begun = await begin(strictStack, tenant, { embed_token });
    const instructions = () => openAiOf(strictStack).calls.at(-1)?.session['instructions'];
    await talk(begun);
    expect(instructions()).toBe('Greet Ada.');
    const change = { type: 'session.update', session: { type: 'realtime', instructions: 'Be rude.' } };
    begun.caller.send(change);
    await begun.caller.event('session.updated', 2);
    await until(() => instructions() === 'Greet Ada.', 'The session is not restored.');
    await strictStack.hangUps.drain();
    expect(openAiOf(strictStack).liveCalls).toHaveLength(1);
    await begun.caller.close();
    await ended(strictStack);
    expect((await sessionOf(strictStack, tenant, begun.call)).ended_by).not.toBe('tampered');
  });

  it('has the functions of its site, and counts a function call like any other response', async () => {
    const tool = { name: 'get_order', description: 'Finds an order.', parameters: { type: 'object' } };
    const tenant = await makeTenant(strictStack, { tools: [tool] });
    const begun = await begin(strictStack, tenant);
    const { caller } = begun;
    const add = (item: Readonly<Record<string, unknown>>): void => {
      caller.send({ type: 'conversation.item.create', item });
      caller.send({ type: 'response.create' });
    };
    await attached(strictStack);
    const content = [{ type: 'input_text', text: 'get_order {"id":"7"}' }];
    add({ type: 'message', role: 'user', content });
    const [asked] = (await caller.event('response.done')).response.output;
    expect(asked).toMatchObject({ type: 'function_call', name: 'get_order', arguments: '{"id":"7"}' });
    add({ type: 'function_call_output', call_id: asked.call_id, output: '{"state":"sent"}' });
    expect((await caller.event('response.done', 2)).response.output).toMatchObject([{ type: 'message' }]);
    expect(openAiOf(strictStack).calls.at(-1)?.session['tools']).toEqual([{ type: 'function', ...tool }]);
    await caller.close();
    await ended(strictStack);
    const session = await sessionOf(strictStack, tenant, begun.call);
    expect(session.receipt.tokens).toMatchObject(invoiced(strictStack));
    expect(session).toMatchObject({ usage_complete: true, ended_by: null });
  });

  it('leaves neither spoken text nor the key in a table or log', async () => {
    const tenant = await makeTenant(strictStack);
    const { caller } = await begin(strictStack, tenant);
    await talk({ caller, call: { session_id: '', signing_secret: '', sdp: '' } });
    const said = caller.events.flatMap(({ type, transcript }) =>
      type === 'response.output_audio_transcript.done' ? [String(transcript)] : [],
    );
    await caller.close();
    await ended(strictStack);
    expect(said).toHaveLength(2);
    const tables = openTables(strictStack);
    const stored = await Promise.all(
      (['tenancy', 'keys', 'sessions', 'limits', 'usage'] as const).map((table) => tables.scan(table)),
    );
    tables.close();
    const kept = [...strictStack.logs, ...stored.flat().map((item) => JSON.stringify(item))];
    for (const text of kept) for (const secret of [...said, tenant.key]) expect(text).not.toContain(secret);
  });
});
