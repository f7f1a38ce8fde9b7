/**
 * Measures the latency that `never_exceed` adds to a turn: from the moment at which OpenAI has the visitor's turn until its
 * response begins and until it ends, with the budget and without. One local stack; both kinds of call alternate.
 */
import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { makeFakeKey } from '../local/openai/server.ts';
import { openAiOf } from '../test/support/openai.ts';
import { prepareCall } from '../test/support/realtime-caller.ts';
import { attachSideband } from '../test/support/sideband.ts';
import { startTestStack } from '../test/support/stack.ts';
import { NO_BUDGETS, send, signIn } from './bench-stack.ts';

const TURNS = 15;

interface Turn {
  readonly toStartMs: number;
  readonly toEndMs: number;
}

const stack = await startTestStack({ audited: false, variables: { ...NO_BUDGETS, WATCH: 'strict' } });
const owner = await signIn(stack);

const begin = async (withBudget: boolean) => {
  const { siteId } = await owner.makePlace({}, { site: { control: 'locked' }, key: 'none' });
  const key = makeFakeKey(randomBytes);
  await owner.ask('PUT', `/v1/sites/${siteId}/openai-key`, { api_key: key });
  if (withBudget)
    await owner.ask('PUT', `/v1/sites/${siteId}/budget`, {
      period: 'day',
      amount_usd: 1_000,
      action: 'never_exceed',
    });
  const caller = await prepareCall({ dataChannel: false });
  const { data, code } = await send(stack.url, 'POST', `/v1/${siteId}/calls`, { sdp: caller.offer });
  if (data?.sdp === undefined) throw new Error(`The call was refused: ${code}`);
  await caller.connect(data.sdp);
  const callId = openAiOf(stack).calls.at(-1)?.callId ?? '';
  const sideband = await attachSideband(openAiOf(stack), callId, key);
  const turns: Turn[] = [];
  const play = async (nth: number): Promise<void> => {
    const spoken = caller.speak(600);
    await sideband.event('input_audio_buffer.committed', nth);
    const committedAt = performance.now();
    await sideband.event('response.created', nth);
    const startedAt = performance.now();
    await sideband.event('response.done', nth);
    turns.push({ toStartMs: startedAt - committedAt, toEndMs: performance.now() - committedAt });
    await spoken;
    await sleep(50);
  };
  const end = async (): Promise<void> => {
    sideband.close();
    openAiOf(stack).dropCall(callId);
    await caller.close();
  };
  return { turns, play, end };
};

const median = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? Number.NaN;

try {
  const [reserved, plain] = [await begin(true), await begin(false)];
  for (let nth = 1; nth <= TURNS; nth++) {
    await plain.play(nth);
    await reserved.play(nth);
  }
  const of = ({ turns }: typeof plain) => ({
    start: median(turns.map(({ toStartMs }) => toStartMs)),
    end: median(turns.map(({ toEndMs }) => toEndMs)),
  });
  const [without, within] = [of(plain), of(reserved)];
  const ms = (value: number): string => `${value.toFixed(1)} ms`;
  process.stdout.write(
    [
      `medians of ${TURNS} turns        without   never_exceed   difference`,
      `turn to start of response ${ms(without.start)}  ${ms(within.start)}  +${ms(within.start - without.start)}`,
      `turn to end of response   ${ms(without.end)}  ${ms(within.end)}  ratio ${(within.end / without.end).toFixed(3)}`,
      '',
    ].join('\n'),
  );
  await Promise.all([reserved.end(), plain.end()]);
} finally {
  await stack.close();
}
process.exit(0);
