import { expect, it } from '@jest/globals';
import type { BrowserContext } from 'playwright-core';
import { describeInBrowser } from './support/browser.ts';
import { controlPages, say } from './support/open-ai-events.ts';
import { type Stage, useStage } from './support/stage.ts';
import { type Visitor, visit } from './support/visitor.ts';

let stage: Stage;
let browser: BrowserContext;

const ORDER_TOOL = {
  name: 'get_order',
  description: 'Looks an order up.',
  parameters: { type: 'object', properties: { id: { type: 'string' } }, required: ['id'] },
};

/** A call whose page offers these functions, and keeps what it sends to OpenAI. */
const callWith = async (tools: string): Promise<Visitor> => {
  const { siteId } = await stage.tenant({}, { tools: [ORDER_TOOL] });
  const visitor = await visit(browser, stage.host.url(siteId));
  await visitor.page.evaluate(`{
    window.asked = [];
    addEventListener('spelo-tool', ({ detail }) => asked.push([detail.name, detail.arguments]));
    document.querySelector('spelo-voice').tools = ${tools};
  }`);
  await visitor.startCall();
  await visitor.widget.getByRole('log').waitFor();
  // The test plays the assistant; sound of the microphone would begin other turns.
  await visitor.page.evaluate(`{
    document.querySelector('spelo-voice').muted = true;
    window.sent = [];
    const send = channel.send.bind(channel);
    channel.send = (text) => { sent.push(JSON.parse(text)); send(text); };
  }`);
  return visitor;
};

/** The assistant asks for functions, as OpenAI's response.done does. */
const ask = (visitor: Visitor, ...calls: readonly (readonly [name: string, json: string])[]) =>
  say(
    visitor,
    { type: 'response.created', response: { id: 'resp-of-test' } },
    {
      type: 'response.done',
      response: {
        id: `resp-${Math.random()}`,
        status: 'completed',
        output: calls.map(([name, json], index) => ({
          type: 'function_call',
          call_id: `call-${index}`,
          name,
          arguments: json,
        })),
      },
    },
  );

const outputs = async (visitor: Visitor, count = 1): Promise<readonly unknown[]> => {
  for (;;) {
    const found = await visitor.page.evaluate<readonly string[]>(
      `sent.filter(({ item }) => item?.type === 'function_call_output').map(({ item }) => item.output)`,
    );
    if (found.length >= count) return found.map((output) => JSON.parse(output));
    await visitor.page.waitForTimeout(50);
  }
};

describeInBrowser('a page that answers functions of the assistant', () => {
  useStage((opened, first) => {
    stage = opened;
    browser = first;
  });

  it('returns the result to the configured session, and the assistant then speaks', async () => {
    const { siteId } = await stage.tenant({}, { tools: [ORDER_TOOL] });
    const visitor = await visit(browser, stage.host.url(siteId));
    await visitor.page.evaluate(`{
      navigator.mediaDevices.getUserMedia = async () => { throw new DOMException('', 'NotFoundError'); };
      window.asked = [];
      addEventListener('spelo-tool', ({ detail }) => asked.push([detail.name, detail.arguments]));
      document.querySelector('spelo-voice').tools = { get_order: async ({ id }) => ({ id, state: 'sent' }) };
    }`);
    await visitor.startCall();
    await visitor.button('Type instead').click();
    const field = visitor.widget.getByRole('textbox', { name: 'Type your message' });
    await field.fill('get_order {"id":"7"}');
    await field.press('Enter');
    await visitor.widget.locator('[part~=caption-assistant]').first().waitFor();
    expect(await visitor.page.evaluate('asked')).toEqual([['get_order', { id: '7' }]]);
    expect((await visitor.told('usage')).length).toBeGreaterThanOrEqual(1);
    expect((await visitor.told('error')).map(({ detail }) => detail.code)).toEqual(['microphone_missing']);
  });

  it('can answer with an event listener instead of a function', async () => {
    await controlPages(browser);
    const visitor = await callWith('undefined');
    await visitor.page.evaluate(
      `addEventListener('spelo-tool', ({ detail }) => detail.respond(Promise.resolve({ ok: true })))`,
    );
    await ask(visitor, ['get_order', '{"id":"7"}']);
    expect(await outputs(visitor)).toEqual([{ ok: true }]);
    expect(visitor.console).toEqual([]);
  });

  it.each<[string, string, string, unknown]>([
    ['does not exist', '{}', '{"id":"7"}', { error: 'not_available' }],
    ['is inherited', '{}', '{}', { error: 'not_available' }],
    ['throws', `{ get_order: () => { throw new Error('db password') } }`, '{}', { error: 'failed' }],
    ['answers too much', `{ get_order: () => 'x'.repeat(16000) }`, '{}', { error: 'too_large' }],
    ['gets no JSON', '{ get_order: () => 1 }', '{"id":', { error: 'invalid_arguments' }],
    ['gets no object', '{ get_order: () => 1 }', '7', { error: 'invalid_arguments' }],
    [
      'gets too much',
      '{ get_order: () => 1 }',
      `{"a":"${'x'.repeat(16_000)}"}`,
      { error: 'invalid_arguments' },
    ],
    ['answers nothing', '{ get_order: () => {} }', '{}', null],
    [
      'answers a circle',
      '{ get_order: () => { const a = {}; a.a = a; return a; } }',
      '{}',
      { error: 'failed' },
    ],
  ])(
    'gives the assistant an error code or an empty result if a function %s',
    async (reason, tools, json, expected) => {
      await controlPages(browser);
      const visitor = await callWith(tools);
      await ask(visitor, [reason === 'is inherited' ? 'toString' : 'get_order', json]);
      expect(await outputs(visitor)).toEqual([expected]);
      expect(visitor.console.filter((line) => line.startsWith('uncaught'))).toEqual([]);
      expect(visitor.console.join()).not.toContain('db password');
    },
  );

  it('has at most 15 seconds for a function, while the widget shows the thinking state', async () => {
    await controlPages(browser);
    const visitor = await callWith('{ get_order: () => new Promise(() => {}) }');
    await visitor.page.evaluate(`{
      const later = window.setTimeout;
      window.waits = [];
      window.setTimeout = (work, ms, ...more) => { waits.push(ms); return later(work, ms === 15000 ? 1000 : ms, ...more); };
    }`);
    await ask(visitor, ['get_order', '{}']);
    await visitor.passes('thinking');
    expect(await outputs(visitor)).toEqual([{ error: 'timeout' }]);
    expect(await visitor.page.evaluate('waits')).toContain(15_000);
  });

  it('answers at most eight functions at once and five rounds in a row, and then the assistant must speak', async () => {
    await controlPages(browser);
    const visitor = await callWith('{ get_order: () => 1 }');
    // Speech from before the microphone was muted would begin another turn, and with it new rounds.
    await visitor.page.evaluate(`{
      const hear = channel.onmessage;
      channel.onmessage = (event) => event.isTrusted || hear(event);
    }`);
    await ask(visitor, ...Array.from({ length: 9 }, () => ['get_order', '{}'] as const));
    expect((await outputs(visitor, 9)).filter((output) => output === 1)).toHaveLength(8);
    for (let round = 2; round <= 6; round++) {
      await ask(visitor, ['get_order', '{}']);
      await outputs(visitor, 8 + round);
    }
    expect((await outputs(visitor)).at(-1)).toEqual({ error: 'too_many_calls' });
    expect(await visitor.page.evaluate('JSON.stringify(sent.at(-1))')).toContain('"tool_choice":"none"');
  });
});
