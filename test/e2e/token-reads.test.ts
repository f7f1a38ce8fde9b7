import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { mintAt, type Owner, type Place, signIn } from '../../bench/bench-stack.ts';
import { startTracedStack, type TracedStack } from '../../bench/traced-stack.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { putPlatformKey } from '../support/platform-key.ts';
import { fakeKey } from '../support/tenant.ts';

/** The batch read of a mint, as it goes over the wire. */

interface Batch {
  readonly Keys: readonly { readonly pk: { readonly S: string } }[];
  readonly ConsistentRead: boolean;
}

const batches: Readonly<Record<string, Batch>>[] = [];
let stack: TracedStack;
let owner: Owner;
let place: Place;
let ofSite: Place;
let managed: Place;

beforeAll(async () => {
  stack = await startTracedStack({
    arrived: ({ operation, text }) => {
      if (operation === 'BatchGetItem') batches.push(JSON.parse(text).RequestItems);
    },
  });
  owner = await signIn(stack);
  await putPlatformKey(stack, fakeKey());
  place = await owner.makePlace();
  ofSite = await owner.makePlace({}, { key: 'site' });
  managed = await owner.makePlace({ billing_mode: 'managed' }, { key: 'none' });
  for (const one of [place, ofSite, managed]) expect((await mintAt(stack.url, one)).code).toBe('ok');
});
afterAll(() => stack?.close());

const batchesOfAMint = async (at: Place, code = 'ok'): Promise<typeof batches> => {
  batches.length = 0;
  expect((await mintAt(stack.url, at)).code).toBe(code);
  return [...batches];
};
const batchOfAMint = async (at = place): Promise<Readonly<Record<string, Batch>>> => {
  const read = await batchesOfAMint(at);
  expect(read).toHaveLength(1);
  return read[0] ?? {};
};
const partitionsIn = (batch: Readonly<Record<string, Batch>>): readonly string[] =>
  Object.values(batch).flatMap(({ Keys }) => Keys.map(({ pk }) => pk.S));
const unitsOf = (batch: Readonly<Record<string, Batch>>): number =>
  Object.values(batch).reduce(
    (sum, { Keys, ConsistentRead }) => sum + Keys.length * (ConsistentRead ? 1 : 0.5),
    0,
  );

describe('The batch read of a mint', () => {
  it('reads tenancy and marks with strong consistency, and keys and counters with eventual consistency', async () => {
    const batch = await batchOfAMint();
    expect(batch[TABLES.tenancy.name]?.ConsistentRead).toBe(true);
    expect(batch[TABLES.tenancy.name]?.Keys).toEqual(
      expect.arrayContaining([
        { pk: { S: `MARK#SITE#${place.siteId}` }, sk: { S: 'MARK' } },
        { pk: { S: `MARK#WORKSPACE#${place.workspaceId}` }, sk: { S: 'MARK' } },
        { pk: { S: 'STOP#stage' }, sk: { S: 'STOP' } },
        { pk: { S: `STOP#${place.workspaceId}` }, sk: { S: 'STOP' } },
      ]),
    );
    for (const table of [TABLES.keys, TABLES.limits, TABLES.usage])
      expect(batch[table.name]?.ConsistentRead).toBe(false);
  });

  it("leaves out the platform's key if the workspace last used its own key", async () => {
    expect(partitionsIn(await batchOfAMint()).filter((pk) => /PLATFORM/.test(pk))).toEqual([]);
  });

  it("leaves out the workspace's key if the site last had one", async () => {
    const partitions = partitionsIn(await batchOfAMint(ofSite));
    expect(partitions).toContain(`MARK#SITE#${ofSite.siteId}`);
    expect(partitions).not.toContain(`MARK#WORKSPACE#${ofSite.workspaceId}`);
  });

  it.each<[string, number, () => Place]>([
    ["with the workspace's key", 8.5, () => place],
    ["with the site's key", 7.5, () => ofSite],
    ["with the platform's key", 7, () => managed],
  ])('%s costs %d units if the container knows the site', async (_, units, at) => {
    expect(unitsOf(await batchOfAMint(at()))).toBe(units);
  });

  it("needs a second read once after the site's key is deleted or stored", async () => {
    const key = `/v1/sites/${ofSite.siteId}/openai-key`;
    await owner.ask('DELETE', key);
    expect(await batchesOfAMint(ofSite, 'openai_key_missing')).toHaveLength(2);
    expect(await batchesOfAMint(ofSite, 'openai_key_missing')).toHaveLength(1);
    await owner.ask('PUT', key, { api_key: fakeKey() });
    expect(await batchesOfAMint(ofSite)).toHaveLength(2);
    expect(await batchesOfAMint(ofSite)).toHaveLength(1);
  });

  it('needs a second read once after the payer changes', async () => {
    for (const mode of ['managed', 'byok']) {
      await owner.ask('PATCH', `/v1/workspaces/${place.workspaceId}`, { billing_mode: mode });
      expect(await batchesOfAMint(place)).toHaveLength(2);
      expect(await batchesOfAMint(place)).toHaveLength(1);
    }
  });
});
