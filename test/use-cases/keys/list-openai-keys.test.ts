import { expect, it } from '@jest/globals';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { KeyAddress } from '../../../lambdas/domain/keys/stored-key.ts';
import { listOpenAiKeys } from '../../../lambdas/use-cases/keys/list-openai-keys.ts';
import { NOW, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, pageOf, sitesOf, tenancyWith } from '../tenancy/tenancy-fixture.ts';
import { ACTIVITY, aSealedKey, DELETED_KEY } from './key-fixture.ts';

/** A workspace of three sites with its own key and the key of the first site. */
const keysOf = ({ stored = [WORKSPACE_ID, SITE_ID] as readonly string[] } = {}) => {
  const sites = sitesOf(3);
  const { ports } = tenancyWith({ sites });
  const asked: string[] = [];
  const read = listOpenAiKeys({
    clock: () => NOW,
    tenancy: {
      readMembership: ports.tenancy.readMembership,
      readSiteMembership: ports.tenancy.readSiteMembership,
      listSites: async (_, page) => pageOf(sites, ({ siteId }) => siteId, page),
    },
    states: {
      readStates: async (addresses) => {
        asked.push(`states of ${addresses.length}`);
        return ({ scopeId }) => (stored.includes(scopeId) ? 'active' : undefined);
      },
    },
    keys: {
      readKey: async ({ scope, scopeId }: KeyAddress) => {
        asked.push(`key of ${scopeId}`);
        return scope === 'platform' ? DELETED_KEY : aSealedKey(scope);
      },
    },
    activity: { readActivity: async () => ACTIVITY },
  });
  return { asked, read };
};

it('the list of keys of a workspace contains its own key and those of its sites, and omits scopes without a key', async () => {
  const { asked, read } = keysOf();
  const { items, next } = await read(CALLER, WORKSPACE_ID, { limit: 10, after: undefined });
  expect(items.map(({ address, key }) => [address.scope, address.scopeId, key.state, key.masked])).toEqual([
    ['workspace', WORKSPACE_ID, 'degraded', 'sk-...0003'],
    ['site', SITE_ID, 'degraded', 'sk-...0003'],
  ]);
  expect(next).toBeUndefined();
  expect(asked).toEqual(['states of 4', `key of ${WORKSPACE_ID}`, `key of ${SITE_ID}`]);
});

it('the list of keys has the workspace key only on the first page, and a page without a key leads to the next page', async () => {
  const { read } = keysOf({ stored: [WORKSPACE_ID, `${WORKSPACE_ID}000000000002`] });
  const first = await read(CALLER, WORKSPACE_ID, { limit: 2, after: undefined });
  expect(first.items.map(({ address }) => address.scope)).toEqual(['workspace']);
  expect(first.next).toBeDefined();
  const second = await read(CALLER, WORKSPACE_ID, { limit: 2, after: first.next });
  expect(second.items.map(({ address }) => address.scopeId as SiteId)).toEqual([
    `${WORKSPACE_ID}000000000002`,
  ]);
  expect(second.next).toBeUndefined();
});

it('the list of keys is not read for a person who is not a member', async () => {
  const { asked, read } = keysOf();
  const stranger = { ...CALLER, sub: 'stranger' };
  expect(await outcomeOf(read(stranger, WORKSPACE_ID, { limit: 10, after: undefined }))).toBe(
    'workspace_not_found',
  );
  expect(asked).toEqual([]);
});
