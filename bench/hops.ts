import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { makeFakeKey } from '../local/openai/server.ts';
import { putPlatformKey } from '../test/support/platform-key.ts';
import { median, mintAt, type Place, signIn } from './bench-stack.ts';
import { type Hops, hopsIn, longestChain, type Span, type Waves, waveGate } from './call-waves.ts';
import { print, tableOf } from './report.ts';
import { isOpenAiMint, OPENAI_MINT, startTracedStack } from './traced-stack.ts';

/**
 * Counts the sequential round trips to AWS that a token waits for, before and after OpenAI, in three ways that must
 * agree: in waves (no call continues before all independent calls have arrived), by the clock with a fixed delay in
 * every AWS call, and by the longest chain of calls that did not overlap in that run. `npm run bench:hops [-- --json]
 * [-- --delay 100]`.
 */

const { values: options } = parseArgs({
  options: {
    json: { type: 'boolean', default: false },
    short: { type: 'boolean', default: false },
    delay: { type: 'string', default: '100' },
  },
});
const DELAY_MS = Number(options.delay);
const ROUNDS = options.short ? 1 : 5;
const QUIET_MS = 100;
const FIRST = 'first of a container';

let delayMs = 0;
let trace: (Span & { readonly operation: string })[] = [];
const began = new WeakMap<object, number>();
const gate = waveGate();
const stack = await startTracedStack({
  arrived: async (call) => {
    began.set(call, performance.now());
    await gate.arrived(call.operation);
    if (delayMs > 0 && !isOpenAiMint(call)) await sleep(delayMs);
  },
  answered: (call) => {
    trace.push({ operation: call.operation, from: began.get(call) ?? 0, to: performance.now() });
  },
});

interface Row {
  readonly name: string;
  readonly waves: Waves;
  readonly hops: Hops;
  /** Median token time divided by the delay: in total, before the call to OpenAI, and after it. */
  readonly timeOverDelay: { readonly whole: number; readonly before: number; readonly after: number };
  readonly chain: Hops;
  /** AWS calls of one mint. */
  readonly calls: number;
}

type Ask = (use: (url: string) => Promise<void>) => Promise<void>;
const warm: Ask = (use) => use(stack.url);
const cold: Ask = (use) => stack.withColdTokenFunction(use);

/** Each mint has a new site, because a hard-capped plan reserves minutes for only a few concurrent sessions. */
const measure = async (name: string, makePlace: () => Promise<Place>, ask: Ask): Promise<Row> => {
  const mintIn = async (url: string, place: Place): Promise<void> => {
    const { code } = await mintAt(url, place);
    if (code !== 'ok') throw new Error(`${name}: ${code}`);
  };
  const first = await makePlace();
  const mint = () => ask((url) => mintIn(url, first));
  if (ask === warm) await mint();
  const { waves } = await gate.inWaves(mint, QUIET_MS);

  const rounds: { whole: number; before: number; after: number; calls: number; chain: Hops }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const place = await makePlace();
    trace = [];
    let [from, to] = [0, 0];
    delayMs = DELAY_MS;
    await ask(async (url) => {
      from = performance.now();
      await mintIn(url, place);
      to = performance.now();
    });
    delayMs = 0;
    const openAi = trace.find(isOpenAiMint);
    if (openAi === undefined) throw new Error('OpenAI was not called.');
    const aws = trace.filter((call) => !isOpenAiMint(call));
    rounds.push({
      whole: (to - from) / DELAY_MS,
      before: (openAi.from - from) / DELAY_MS,
      after: (to - openAi.to) / DELAY_MS,
      calls: aws.length,
      chain: {
        before: longestChain(aws.filter((call) => call.to <= openAi.from)),
        after: longestChain(aws.filter((call) => call.from >= openAi.to)),
      },
    });
  }
  const of = (figure: 'whole' | 'before' | 'after' | 'calls') => median(rounds.map((round) => round[figure]));
  const chainOf = (side: keyof Hops) => median(rounds.map(({ chain }) => chain[side]));
  return {
    name,
    waves,
    hops: hopsIn(waves, (operation) => operation === OPENAI_MINT),
    timeOverDelay: { whole: of('whole'), before: of('before'), after: of('after') },
    chain: { before: chainOf('before'), after: chainOf('after') },
    calls: of('calls'),
  };
};

const tableFor = (rows: readonly Row[]): readonly string[] =>
  tableOf(
    [
      'Mint',
      'AWS calls',
      'before OpenAI: waves',
      'chain',
      'time ÷ delay',
      'after: waves',
      'chain',
      'time ÷ delay',
      'whole time ÷ delay',
    ],
    rows.map(({ name, calls, hops, chain, timeOverDelay: time }) => [
      name,
      calls,
      hops.before,
      chain.before,
      time.before.toFixed(2),
      hops.after,
      chain.after,
      time.after.toFixed(2),
      time.whole.toFixed(2),
    ]),
  );

const wavesOf = ({ name, waves }: Row): readonly string[] => [
  '',
  `${name}:`,
  ...waves.map((wave, i) => `${i + 1}. ${wave.join(', ')}`),
];

try {
  const owner = await signIn(stack);
  await putPlatformKey(stack, makeFakeKey(randomBytes));
  const byok = () => owner.makePlace();
  const ownKey = () => owner.makePlace({}, { key: 'site' });
  const managed = () => owner.makePlace({ billing_mode: 'managed' }, { key: 'none' });
  const rows = [
    await measure("warm, workspace's key", byok, warm),
    await measure("warm, site's key", ownKey, warm),
    await measure('warm, managed, hard cap', managed, warm),
    await measure(FIRST, byok, cold),
  ];
  const faults = rows.flatMap(({ name, hops, calls }) =>
    hops.before > (name === FIRST ? 4 : 3) || hops.after > 1 || calls > (name === FIRST ? 11 : 7)
      ? [`${name}: ${hops.before} before OpenAI and ${hops.after} after it, in ${calls} calls.`]
      : [],
  );
  print(
    {
      tables: { hops: options.json ? tableFor(rows) : [...tableFor(rows), ...rows.flatMap(wavesOf)] },
      figures: { delayMs: DELAY_MS, rows },
      faults,
    },
    options.json,
  );
} finally {
  await stack.close();
}
