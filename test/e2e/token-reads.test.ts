import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { mintAt, type Place, signIn } from '../../bench/bench-stack.ts';
import { startTracedStack, type TracedStack } from '../../bench/traced-stack.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';

/** The batch read of a mint, as it goes over the wire. */

interface Batch {
  readonly Keys: readonly { readonly pk: { readonly S: string } }[];
  readonly ConsistentRead: boolean;
}

const batches: Readonly<Record<string, Batch>>[] = [];
let stack: TracedStack;
let place: Place;

beforeAll(async () => {
  stack = await startTracedStack({
    arrived: ({ operation, text }) => {
      if (operation === 'BatchGetItem') batches.push(JSON.parse(text).RequestItems);
    },
  });
  place = await (await signIn(stack)).makePlace();
  expect((await mintAt(stack.url, place)).code).toBe('ok');
});
beforeEach(() => {
  batches.length = 0;
});
afterAll(() => stack?.close());

const batchOfAMint = async (): Promise<Readonly<Record<string, Batch>>> => {
  expect((await mintAt(stack.url, place)).code).toBe('ok');
  expect(batches).toHaveLength(1);
  return batches[0] ?? {};
};

describe('The batch read of a mint', () => {
  it('reads tenancy and keys with strong consistency, and counters with eventual consistency', async () => {
    const batch = await batchOfAMint();
    expect(batch[TABLES.tenancy.name]?.ConsistentRead).toBe(true);
    expect(batch[TABLES.keys.name]?.ConsistentRead).toBe(true);
    expect(batch[TABLES.limits.name]?.ConsistentRead).toBe(false);
    expect(batch[TABLES.usage.name]?.ConsistentRead).toBe(false);
  });

  it('leaves out the platform key if the workspace last used its own key', async () => {
    const partitions = Object.values(await batchOfAMint()).flatMap(({ Keys }) => Keys.map(({ pk }) => pk.S));
    expect(partitions.filter((pk) => /PLATFORM/.test(pk))).toEqual([]);
  });

  it('costs at most 11 read units', async () => {
    const units = Object.values(await batchOfAMint()).reduce(
      (sum, { Keys, ConsistentRead }) => sum + Keys.length * (ConsistentRead ? 1 : 0.5),
      0,
    );
    expect(units).toBeLessThanOrEqual(11);
  });
});
