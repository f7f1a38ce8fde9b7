import { fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { openCall, sessionOf, slotsTaken } from '../support/calls.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false, variables: { WATCH: 'strict' } });
});
afterAll(() => stack.close());

const PAGE = join(import.meta.dirname, 'children', 'page.ts');
const SIGNS_OF_LIFE_MS = 20_000;
const SILENT_AFTER_MS = 140_000;

const until = async (isTrue: () => boolean | Promise<boolean>, otherwise: string): Promise<void> => {
  for (let waitedMs = 0; waitedMs < 60_000; waitedMs += 25) {
    if (await isTrue()) return;
    await sleep(25);
  }
  throw new Error(otherwise);
};

describe('the usage of a watched call whose page is killed', () => {
  it('is exactly what OpenAI counted, including the response that nobody heard', async () => {
    const tenant = await makeKeyedTenant(stack, {}, { control: 'brokered' });
    const page = fork(PAGE, { serialization: 'json' });
    const openAi = openAiOf(stack);
    const billed = () => openAi.calls.at(-1)?.invoice.responses ?? [];
    try {
      const [offer] = await once(page, 'message');
      const call = expectSuccess(await openCall(stack, tenant, { sdp: offer }), 201);
      page.send(call.sdp);
      await once(page, 'message');
      const exited = once(page, 'exit');
      page.kill('SIGKILL');
      expect(await exited).toEqual([null, 'SIGKILL']);

      // OpenAI generates the answer to its end, and bills it.
      await until(() => billed().length === 2, 'The second answer is not billed.');
      // Nobody reports that the page is gone. The sweeper finds the call silent.
      for (let ms = 0; ms < SILENT_AFTER_MS; ms += SIGNS_OF_LIFE_MS) {
        stack.advance(SIGNS_OF_LIFE_MS);
        await stack.sweep();
        await stack.hangUps.drain();
      }
      await until(() => openAi.liveCalls.length === 0, 'The call continues.');
      await until(() => stack.lambda.busy === 0, 'The watcher continues.');
      await stack.hangUps.drain();

      const { receipt, ...session } = await sessionOf(stack, tenant, call);
      const totals = openAi.calls.at(-1)?.invoice.totals;
      expect(billed().every(({ wasReported }) => wasReported)).toBe(true);
      expect(receipt.tokens).toMatchObject({
        input_text: totals?.textInput,
        input_text_cached: totals?.cachedTextInput,
        input_audio: totals?.audioInput,
        input_audio_cached: totals?.cachedAudioInput,
        output_text: totals?.textOutput,
        output_audio: totals?.audioOutput,
      });
      expect(receipt.tokens.output_audio).toBeGreaterThan(0);
      expect(session).toMatchObject({ usage_source: 'watched' });
      expect(await slotsTaken(stack, tenant)).toBe(0);
    } finally {
      page.kill('SIGKILL');
    }
  });
});
