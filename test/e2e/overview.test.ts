import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { mintAt, type Owner, type Place, signIn } from '../../bench/bench-stack.ts';
import { startTracedStack, type TracedStack } from '../../bench/traced-stack.ts';
import { fakeKey } from '../support/tenant.ts';

/** The reads behind the home page of the dashboard, as they go over the wire. */

/** More than are looked at of one site. */
const FEW = 25;
const MANY = 150;

const operations: string[] = [];
let stack: TracedStack;
let owner: Owner;
let place: Place;

beforeAll(async () => {
  stack = await startTracedStack({ arrived: ({ operation }) => void operations.push(operation) });
  owner = await signIn(stack);
  place = await owner.makePlace();
});
afterAll(() => stack?.close());

const mintSessions = async (count: number): Promise<void> => {
  for (let minted = 0; minted < count; minted++) expect((await mintAt(stack.url, place)).code).toBe('ok');
};

const readsOf = async (path: string): Promise<readonly string[]> => {
  operations.length = 0;
  await owner.ask('GET', `/v1/workspaces/${place.workspaceId}/${path}`);
  return operations.toSorted();
};

it('the overview needs the same reads for many sessions as for few', async () => {
  await mintSessions(FEW);
  const few = await readsOf('overview');
  await mintSessions(MANY);
  expect(await readsOf('overview')).toEqual(few);
  expect(few.length).toBeLessThanOrEqual(10);
  expect(new Set(few)).toEqual(new Set(['BatchGetItem', 'GetItem', 'Query']));
}, 60_000);

it('the overview reports that a session was opened, and null for talked if that is unknown', async () => {
  const { visitors, budget, month } = await owner.ask('GET', `/v1/workspaces/${place.workspaceId}/overview`);
  expect(visitors).toEqual({ session_seen: true, talked: null });
  expect(budget).toBeNull();
  expect(month.group_by).toEqual(['day']);
});

it('the key list of a workspace takes no extra read for sites without their own key', async () => {
  const one = await readsOf('openai-keys');
  for (let made = 0; made < 12; made++)
    await owner.ask('POST', `/v1/workspaces/${place.workspaceId}/sites`, {
      name: `Site ${made}`,
      allowed_origins: ['https://shop.example'],
    });
  expect(await readsOf('openai-keys')).toEqual(one);
  await owner.ask('PUT', `/v1/sites/${place.siteId}/openai-key`, { api_key: fakeKey() });
  const { items, next_cursor } = await owner.ask(
    'GET',
    `/v1/workspaces/${place.workspaceId}/openai-keys?limit=100`,
  );
  expect(
    items.map(({ site_id, state }: { site_id: string | null; state: string }) => [site_id, state]),
  ).toEqual([
    [null, 'active'],
    [place.siteId, 'active'],
  ]);
  expect(next_cursor).toBeNull();
});
