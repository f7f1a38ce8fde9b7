import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { CANNED_OFFER } from '../lambdas/domain/calls/canned-offer.ts';
import { localRuntime } from '../local/local-runtime.ts';
import { startLocalStack } from '../local/local-stack.ts';
import { NO_BUDGETS, percentile, send, signIn, withoutStreams } from './bench-stack.ts';
import { AWS_MS, OPENAI_MS } from './kill-switch-model.ts';
import { startRelay } from './relay.ts';
import { print, tableOf } from './report.ts';

/**
 * Measures how long a suspension takes to end the calls of a key, from the request to OpenAI's end of each call, with a fixed
 * delay in every call to AWS and to OpenAI. `npm run bench:kill-switch [-- --calls 50] [-- --json] [-- --short]`.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    calls: { type: 'string' },
  },
});
const CALLS = Number(options.calls ?? (options.short ? 10 : 50));
const OPENED_AT_ONCE = 5;
const PATIENCE_MS = 60_000;

const delayed = (delayMs: number) => startRelay({ arrived: () => sleep(delayMs) });
const relays = {
  dynamoDb: await delayed(AWS_MS),
  kms: await delayed(AWS_MS),
  openAi: await delayed(OPENAI_MS),
};
const stack = await startLocalStack({
  strict: false,
  port: 0,
  path: process.env['PATH'],
  runtime: localRuntime(() => undefined),
  variables: {
    ...NO_BUDGETS,
    WATCH: 'off',
    AWS_ENDPOINT_URL_DYNAMODB: relays.dynamoDb.url,
    AWS_ENDPOINT_URL_KMS: relays.kms.url,
    OPENAI_BASE_URL: `${relays.openAi.url}/v1`,
  },
});
const { openAi } = stack;
if (openAi === undefined) throw new Error('The bench needs the stand-in for OpenAI.');
relays.dynamoDb.forwardTo(stack.dynamoDb.endpoint);
relays.kms.forwardTo(stack.kms.endpoint);
relays.openAi.forwardTo(openAi.baseUrl);
await withoutStreams(stack);

const faults: string[] = [];
try {
  const owner = await signIn(stack);
  const [hit, spared] = [await owner.makePlace(), await owner.makePlace()];
  const open = async (siteId: string): Promise<void> => {
    const { code } = await send(stack.url, 'POST', `/v1/${siteId}/calls`, { sdp: CANNED_OFFER });
    if (code !== 'ok') faults.push(`A call was refused: ${code}.`);
  };
  await open(spared.siteId);
  for (let opened = 0; opened < CALLS; opened += OPENED_AT_ONCE)
    await Promise.all(
      Array.from({ length: Math.min(OPENED_AT_ONCE, CALLS - opened) }, () => open(hit.siteId)),
    );

  const startMs = Date.now();
  await owner.ask('POST', `/v1/workspaces/${hit.workspaceId}/openai-key/suspend`, {});
  const answeredMs = Date.now() - startMs;
  while (openAi.liveCalls.length > 1 && Date.now() - startMs < PATIENCE_MS) await sleep(10);
  if (openAi.liveCalls.length !== 1) faults.push(`${openAi.liveCalls.length} calls are live instead of 1.`);
  const tookMs = openAi.calls
    .flatMap(({ ended }) => (ended === undefined ? [] : [ended.at - startMs]))
    .toSorted((a, b) => a - b);
  const figures = {
    calls: tookMs.length,
    answeredMs,
    p50: percentile(tookMs, 0.5),
    p99: percentile(tookMs, 0.99),
  };
  print(
    {
      tables: {
        'kill-switch': tableOf(
          ['Live calls on the key', 'answer of the suspension, ms', 'ended after, ms: p50', 'p99'],
          [[figures.calls, figures.answeredMs, figures.p50, figures.p99]],
          0,
        ),
      },
      figures,
      faults,
    },
    options.json,
  );
} finally {
  await stack.close();
  await Promise.all(Object.values(relays).map((relay) => relay.close()));
}
