import { setTimeout as sleep } from 'node:timers/promises';
import { expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import type { KeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { HANGUP_PATH } from '../support/openai-calls.ts';
import { describeInBrowser } from './support/browser.ts';
import { type Stage, useStage } from './support/stage.ts';
import type { Visitor } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

const conversation = { first_message: { type: 'instructions', text: 'Greet the visitor.' } };
const GREETING = {
  input: [
    {
      type: 'message',
      role: 'system',
      content: [{ type: 'input_text', text: 'Begin the conversation. Greet the visitor.' }],
    },
  ],
};

/** How often each call since `from`, oldest first, was asked for the first message. */
const greetings = (from: number): readonly number[] =>
  openAiOf(stage.stack)
    .calls.slice(from)
    .map(({ responseRequests }) => responseRequests.filter(({ input }) => input !== undefined).length);

/** Waits until the page has been connected so often, and the latest call has been asked for a response. */
const hasBegun = async (visitor: Visitor, connections: number): Promise<void> => {
  const isAsked = () => (openAiOf(stage.stack).calls.at(-1)?.responseRequests.length ?? 0) > 0;
  for (let waitedMs = 0; waitedMs < 45_000; waitedMs += 50) {
    if ((await visitor.told('connected')).length === connections && isAsked()) return;
    await sleep(50);
  }
  throw new Error('The call does not begin.');
};

/** Ends the latest call from OpenAI's side, as the owner of the key could. */
const hangUpAtOpenAi = async ({ key }: KeyedTenant): Promise<void> => {
  const { baseUrl, liveCalls } = openAiOf(stage.stack);
  const path = HANGUP_PATH.replace('*', liveCalls.at(-1) ?? '').replace('/v1', '');
  await fetch(`${baseUrl}${path}`, { method: 'POST', headers: { authorization: `Bearer ${key}` } });
};

describeInBrowser('a visitor of a site with a first message', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('is greeted once, before the visitor speaks, and not again after a reconnect', async () => {
    const tenant = await stage.tenant({}, { control: 'brokered', conversation });
    const before = openAiOf(stage.stack).calls.length;
    const visitor = await stage.call(browser, tenant);
    await hasBegun(visitor, 1);
    expect(openAiOf(stage.stack).calls.at(-1)?.responseRequests[0]).toEqual(GREETING);
    await hangUpAtOpenAi(tenant);
    await hasBegun(visitor, 2);
    await visitor.button('Hang up').click();
    await stage.endedMeter(tenant, 2);
    expect(greetings(before)).toEqual([1, 0]);
  });

  it('is greeted again in the next call', async () => {
    const tenant = await stage.tenant({}, { control: 'open', conversation });
    const before = openAiOf(stage.stack).calls.length;
    const visitor = await stage.call(browser, tenant);
    await hasBegun(visitor, 1);
    await visitor.button('Hang up').click();
    await stage.endedMeter(tenant);
    await visitor.button('Talk again').click();
    await hasBegun(visitor, 2);
    expect(greetings(before)).toEqual([1, 1]);
  });

  it('is not greeted if the site has no first message', async () => {
    const tenant = await stage.tenant();
    const before = openAiOf(stage.stack).calls.length;
    const visitor = await stage.call(browser, tenant);
    await hasBegun(visitor, 1);
    expect(greetings(before)).toEqual([0]);
    await visitor.button('Hang up').click();
  });
});
