import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openedCall } from '../support/calls.ts';
import { addSite, asOwner, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { callRequests, mintRequests, openAiOf } from '../support/openai.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { mint, type Tenant } from '../support/tenant.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});
afterAll(async () => {
  await stack.close();
});

const conversation = {
  turn_detection: { type: 'semantic_vad', eagerness: 'low', interrupt_response: false },
  noise_reduction: 'far_field',
  transcription: { model: 'gpt-4o-mini-transcribe', language: 'de' },
  speed: 1.2,
  max_output_tokens: 2_048,
  reasoning_effort: 'medium',
  first_message: { type: 'text', text: 'Hello, how can I help you?' },
};
const ASKED = {
  audio: {
    input: {
      turn_detection: conversation.turn_detection,
      noise_reduction: { type: 'far_field' },
      transcription: conversation.transcription,
    },
    output: { voice: 'marin', speed: 1.2 },
  },
  reasoning: { effort: 'medium' },
  max_output_tokens: 2_048,
};

/** The site's former instructions, newest first. */
const former = async (tenant: Tenant, query = '') =>
  asOwner(stack, tenant, 'GET', `/v1/sites/${tenant.siteId}/former-instructions${query}`);

const change = (tenant: Tenant, body: Readonly<Record<string, unknown>>) =>
  stack.call('PATCH', `/v1/sites/${tenant.siteId}`, { as: tenant.owner, body });

describe('the conversation of a site', () => {
  it('is OpenAI’s default until an owner changes it', async () => {
    const tenant = await makeKeyedTenant(stack);
    expectSuccess(await mint(stack, tenant));
    const [request] = mintRequests(stack);
    expect(request?.body).toMatchObject({
      session: { audio: { output: { voice: 'marin' } }, max_output_tokens: 1_024 },
    });
    expect(request?.body).not.toHaveProperty('session.reasoning');
    expect(request?.body).not.toHaveProperty('session.audio.input');
  });

  it('is sent by client secrets and by calls, and matches OpenAI’s schema', async () => {
    const tenant = await makeKeyedTenant(stack);
    const changed = expectSuccess(await change(tenant, { conversation }));
    expect(changed.conversation).toStrictEqual(conversation);
    openAiOf(stack).clearRequests();
    expectSuccess(await mint(stack, tenant));
    expect(mintRequests(stack)[0]?.body).toMatchObject({ session: ASKED });
    await openedCall(stack, tenant);
    expect(callRequests(stack)[0]?.body).toMatchObject({ session: ASKED });
  });

  it('keeps the fields that a change of other settings does not name', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { conversation });
    expectSuccess(await change(tenant, { name: 'Renamed' }));
    const site = await asOwner(stack, tenant, 'GET', `/v1/sites/${tenant.siteId}`);
    expect(site.conversation).toStrictEqual(conversation);
  });

  it.each([
    ['by the conversation', { model: 'gpt-realtime-1.5' }, { conversation }],
    ['by the model', { conversation }, { model: 'gpt-realtime-1.5' }],
  ])('is refused if the model does not support it, when the change is made %s', async (_, before, then) => {
    const tenant = await makeKeyedTenant(stack, {}, before);
    const answer = await change(tenant, then);
    expectRefusal(answer, 400, 'invalid_request');
    expect(answer.error.details).toEqual([
      {
        path: 'conversation.reasoning_effort',
        message:
          'The model gpt-realtime-1.5 has no reasoning effort. Set it to null, or choose gpt-realtime-2 or later.',
      },
    ]);
  });
});

describe('the former instructions of a site', () => {
  it('are kept newest first, each with the person who replaced it', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { instructions: 'One.' });
    expect(await former(tenant)).toEqual({ items: [], next_cursor: null });
    for (const instructions of ['Two.', 'Two.', 'Three.'])
      expectSuccess(await change(tenant, { instructions }));
    expectSuccess(await change(tenant, { name: 'Renamed' }));
    const { items } = await former(tenant);
    expect(items).toMatchObject([
      { instructions: 'Two.', replaced_by: tenant.owner },
      { instructions: 'One.', replaced_by: tenant.owner },
    ]);
    const first = await former(tenant, '?limit=1');
    expect(first.items).toEqual(items.slice(0, 1));
    const second = await former(tenant, `?limit=1&cursor=${first.next_cursor}`);
    expect(second.items).toEqual(items.slice(1));
  });

  it('do not include those of another site', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { instructions: 'One.' });
    const other = await addSite(stack, tenant);
    expectSuccess(await change(tenant, { instructions: 'Two.' }));
    expect((await former(other)).items).toEqual([]);
  });
});
