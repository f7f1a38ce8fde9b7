/**
 * Measures by how much a budget with `end_calls` overruns: with visitors who speak for 4 to 8 s before each response,
 * and with pages that ask for the next response as soon as they have one, which is the worst that pages can do.
 * `node bench/end-calls.ts [--calls 1,10,50] [--json]`.
 *
 * The amount buys about six responses of each call. The overrun is what OpenAI bills beyond it, also for responses that the
 * hang-up cuts off and that no event reports. The stand-in generates about as much as OpenAI in a shorter time, so more
 * responses fit into the time that a hang-up takes here.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { DEFAULT_MODEL } from '../lambdas/domain/openai-models.ts';
import { costOf } from '../lambdas/domain/usage/cost.ts';
import { priceOf } from '../lambdas/domain/usage/price-catalogue.ts';
import { type ReportedUsage, tokenCountsOf } from '../lambdas/domain/usage/token-counts.ts';
import { openAiOf } from '../test/support/openai.ts';
import { prepareCall, type RealtimeCaller } from '../test/support/realtime-caller.ts';
import { startTestStack } from '../test/support/stack.ts';
import { NO_BUDGETS, type Owner, send, signIn } from './bench-stack.ts';
import { print, tableOf } from './report.ts';

const { values: options } = parseArgs({
  options: { calls: { type: 'string', default: '1,10,50' }, json: { type: 'boolean', default: false } },
});
const RESPONSES_OF_A_CALL = 6;
/** Turns of a visitor last once to twice as long. */
const TURN_MS = 4_000;
const MICRO_CENTS_PER_USD = 100_000_000;
const PATIENCE_MS = 180_000;

const stack = await startTestStack({ audited: false, variables: { ...NO_BUDGETS, WATCH: 'strict' } });
const openAi = openAiOf(stack);
const price = priceOf(DEFAULT_MODEL, new Date(), 'global');
if (price === undefined) throw new Error(`The price of ${DEFAULT_MODEL} is not known.`);
const costOfUsage = (usage: unknown): number =>
  costOf(tokenCountsOf(usage as ReportedUsage), price).totalMicroCents;

const openPage = async (siteId: string): Promise<RealtimeCaller> => {
  const caller = await prepareCall();
  const { data, code } = await send(stack.url, 'POST', `/v1/${siteId}/calls`, { sdp: caller.offer });
  if (data?.sdp === undefined) throw new Error(`The call was refused: ${code}`);
  await caller.connect(data.sdp);
  return caller;
};

interface Overrun {
  readonly calls: number;
  readonly turnMs: number;
  readonly amountMicroCents: number;
  readonly spentMicroCents: number;
  readonly billedMicroCents: number;
  /** Most responses of one call that ended after the amount was reached, those cut off included. */
  readonly mostOfOneCall: number;
  /** Most of them that were not cut off. */
  readonly mostWholeOfOneCall: number;
  /** From the response that reached the amount to the end of the last call. */
  readonly endedAfterMs: number;
}

const measure = async (owner: Owner, calls: number, turnMs: number): Promise<Overrun> => {
  const { siteId } = await owner.makePlace({}, { site: { control: 'brokered' } });
  const path = `/v1/sites/${siteId}/budget`;
  const before = openAi.calls.length;
  let countsAtAmount: readonly number[] | undefined;
  const pages: RealtimeCaller[] = [];
  for (let opened = 0; opened < calls; opened += 1) pages.push(await openPage(siteId));
  const records = () => openAi.calls.slice(before);
  const after = () => records().map(({ invoice }, i) => invoice.responses.slice(countsAtAmount?.[i] ?? 0));

  // The cost of a first response, so that the amount is a known number of responses.
  const ask = (page: RealtimeCaller) => page.send({ type: 'response.create' });
  for (const page of pages) ask(page);
  await Promise.all(pages.map((page) => page.event('response.done')));
  const costs = () =>
    records().map(({ invoice }) => invoice.responses.map(({ usage }) => costOfUsage(usage)));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  const billed = () => sum(costs().flat());
  const amountUsd = Math.max(
    0.01,
    Number(((billed() * RESPONSES_OF_A_CALL) / MICRO_CENTS_PER_USD).toFixed(4)),
  );
  await owner.ask('PUT', path, { period: 'day', amount_usd: amountUsd, action: 'end_calls' });
  const amountMicroCents = Math.round(amountUsd * MICRO_CENTS_PER_USD);

  let amountAtMs = 0;
  const deadline = Date.now() + PATIENCE_MS;
  let billedSoFar = billed();
  const play = async (page: RealtimeCaller): Promise<void> => {
    // Each event is read once, so that the pages leave the processors to the watchers.
    let looked = page.events.length;
    const responseEnd = async (): Promise<void> => {
      while (!page.hasEnded) {
        const events = page.events.slice(looked);
        looked += events.length;
        const done = events.find(({ type }) => type === 'response.done');
        if (done !== undefined) {
          billedSoFar += costOfUsage(done.response.usage);
          return;
        }
        await sleep(5);
      }
    };
    while (!page.hasEnded && Date.now() < deadline) {
      // Visitors do not speak at the same time.
      await sleep(turnMs * (1 + Math.random()));
      if (page.hasEnded) return;
      ask(page);
      await responseEnd();
      if (countsAtAmount === undefined && billedSoFar >= amountMicroCents) {
        countsAtAmount = records().map(({ invoice }) => invoice.responses.length);
        amountAtMs = Date.now();
      }
    }
  };
  await Promise.all(pages.map(play));
  while (stack.lambda.busy > 0 && Date.now() < deadline) await sleep(50);
  const { spent_usd } = await owner.ask('GET', path);
  const cancelled = new Set(
    pages
      .flatMap(({ events }) => events)
      .flatMap(({ response }) => {
        const { id, status } = (response ?? {}) as { readonly id?: string; readonly status?: string };
        return status === 'cancelled' && id !== undefined ? [id] : [];
      }),
  );
  await Promise.all(pages.map((page) => page.close()));
  if (records().some(({ ended }) => ended === undefined)) throw new Error('A call continues.');
  return {
    calls,
    turnMs,
    amountMicroCents,
    spentMicroCents: Math.round(spent_usd * MICRO_CENTS_PER_USD),
    billedMicroCents: billed(),
    endedAfterMs: Math.max(...records().map(({ ended }) => ended?.at ?? 0)) - amountAtMs,
    mostOfOneCall: Math.max(...after().map(({ length }) => length)),
    mostWholeOfOneCall: Math.max(
      ...after().map(
        (responses) =>
          responses.filter(({ responseId, wasReported }) => wasReported && !cancelled.has(responseId)).length,
      ),
    ),
  };
};

try {
  const owner = await signIn(stack);
  const found: Overrun[] = [];
  for (const turnMs of [TURN_MS, 0])
    for (const size of options.calls.split(',').map(Number)) found.push(await measure(owner, size, turnMs));
  const whole = (value: number): string => Math.round(value).toLocaleString('en-US');
  print(
    {
      tables: {
        'end-calls': tableOf(
          [
            'Live calls',
            'visitor speaks, s',
            'amount, micro-cents',
            'counted',
            'billed',
            'overrun',
            'of the amount',
            'per call',
            'responses after the amount, at most of one call',
            'of them whole',
            'all ended after, s',
          ],
          found.map(
            ({
              calls,
              turnMs,
              amountMicroCents,
              spentMicroCents,
              billedMicroCents,
              mostOfOneCall,
              mostWholeOfOneCall,
              endedAfterMs,
            }) => {
              const overrun = Math.max(0, billedMicroCents - amountMicroCents);
              return [
                calls,
                turnMs === 0 ? 'not at all' : '4 to 8',
                whole(amountMicroCents),
                whole(spentMicroCents),
                whole(billedMicroCents),
                whole(overrun),
                `${((100 * overrun) / amountMicroCents).toFixed(1)} %`,
                whole(overrun / calls),
                mostOfOneCall,
                mostWholeOfOneCall,
                (endedAfterMs / 1_000).toFixed(1),
              ];
            },
          ),
          0,
        ),
      },
      figures: found,
      faults: [],
    },
    options.json,
  );
} finally {
  await stack.close();
}
process.exit();
