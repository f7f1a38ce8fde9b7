import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { mintAt, type Owner, type Place, signIn } from '../../bench/bench-stack.ts';
import { type Hops, hopsIn, longestChain, waveGate } from '../../bench/call-waves.ts';
import { OPENAI_MINT, startTracedStack, type TracedStack } from '../../bench/traced-stack.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { fakeKey } from '../support/tenant.ts';

/** Round trips to AWS that a visitor waits for one after another. Counted, not timed. */

const gate = waveGate();
let stack: TracedStack;
let owner: Owner;

beforeAll(async () => {
  stack = await startTracedStack({ arrived: ({ operation }) => gate.arrived(operation) });
  owner = await signIn(stack);
  await putPlatformKey(stack, fakeKey());
});

afterAll(async () => {
  await stack?.close();
});

/** On a machine that stands still a wave may be cut in two, never two made one: so the least of several counts. */
const QUIET_MS = [50, 250, 1_000];

const fewestHops = async (mint: () => Promise<{ readonly code: string }>, promised: Hops): Promise<Hops> => {
  let fewest: Hops = { before: Number.POSITIVE_INFINITY, after: Number.POSITIVE_INFINITY };
  for (const quietMs of QUIET_MS) {
    const { result, waves } = await gate.inWaves(mint, quietMs);
    expect(result.code).toBe('ok');
    const hops = hopsIn(waves, (operation) => operation === OPENAI_MINT);
    fewest = {
      before: Math.min(fewest.before, hops.before),
      after: Math.min(fewest.after, hops.after),
    };
    if (fewest.before <= promised.before && fewest.after <= promised.after) break;
  }
  return fewest;
};

const expectAtMost = (promised: Hops, { before, after }: Hops): void => {
  expect(before).toBeLessThanOrEqual(promised.before);
  expect(after).toBeLessThanOrEqual(promised.after);
};

describe('A mint waits for at most three AWS round trips before OpenAI and one after it', () => {
  const promised = { before: 3, after: 1 };

  test.each<[string, (owner: Owner) => Promise<Place>]>([
    ["with the workspace's key", ({ makePlace }) => makePlace()],
    ["with the site's key", ({ makePlace }) => makePlace({}, { key: 'site' })],
    [
      "on the platform's key and a hard cap",
      ({ makePlace }) => makePlace({ billing_mode: 'managed' }, { key: 'none' }),
    ],
  ])('%s', async (_, makePlace) => {
    const place = await makePlace(owner);
    // Fetches the roots of the keyed hashes, once for a container.
    await mintAt(stack.url, place);
    expectAtMost(promised, await fewestHops(() => mintAt(stack.url, place), promised));
  });

  test('a mint in a new container waits for one round trip more, the roots of its keyed hashes', async () => {
    const place = await owner.makePlace();
    const atFirst = { before: 4, after: 1 };
    const mint = () => stack.withColdTokenFunction((url) => mintAt(url, place));
    expectAtMost(atFirst, await fewestHops(mint, atFirst));
  });
});

describe('The count', () => {
  test('is never less than the calls that wait for one another, nor more than they are when all come in time', async () => {
    const counting = waveGate();
    const pair = () => Promise.all([counting.arrived('a'), counting.arrived('b')]);
    const request = async () => {
      await pair();
      await counting.arrived(OPENAI_MINT);
      await pair();
      await counting.arrived('c');
    };
    const { waves } = await counting.inWaves(request, 50);
    expect(waves).toEqual([['a', 'b'], [OPENAI_MINT], ['a', 'b'], ['c']]);
    expect(hopsIn(waves, (name) => name === OPENAI_MINT)).toEqual({ before: 1, after: 2 });
  });

  test('a count of a trace takes calls that overlap as one round trip', () => {
    const spans = [
      { from: 0, to: 10 },
      { from: 1, to: 12 },
      { from: 12, to: 20 },
      { from: 15, to: 25 },
      { from: 30, to: 31 },
    ];
    expect(longestChain(spans)).toBe(3);
    expect(longestChain([])).toBe(0);
  });
});
