import { describe, expect, it } from '@jest/globals';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { HeldSlot } from '../../../lambdas/domain/sessions/recorded-session.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { StoredKeyPools } from '../../../lambdas/use-cases/ports/keys.ts';
import { readConcurrency } from '../../../lambdas/use-cases/sessions/read-concurrency.ts';
import { pageOf, sitesOf } from '../tenancy/tenancy-fixture.ts';
import { aMember, aWorkspace, NOW, NOW_SECONDS, WORKSPACE_ID } from './token-fixture.ts';

const CALLER = { sub: 'viewer', sourceIp: '' };

const held = (site: string, facts: Partial<HeldSlot> = {}): HeldSlot => ({
  pool: 'fingerprint',
  index: 0,
  holder: '1',
  address: 'a',
  expiresAt: NOW_SECONDS + 60,
  siteId: site as SiteId,
  keyScope: 'workspace',
  keyScopeId: WORKSPACE_ID,
  ...facts,
});

type Stored = Awaited<ReturnType<StoredKeyPools['listPools']>>[number];

const read = (
  slots: readonly HeldSlot[],
  workspace: Partial<Workspace> = {},
  { sites = 0, stored = [] as readonly Stored[] } = {},
) =>
  readConcurrency({
    clock: () => NOW,
    plans: [],
    tenancy: {
      readMembership: async () => ({
        workspace: aWorkspace(workspace),
        member: aMember('viewer'),
      }),
      readSiteMembership: () => Promise.reject(new Error('not asked here')),
      listSites: async (_, page) => pageOf(sitesOf(sites), ({ siteId }) => siteId, page),
    },
    slots: { listHeld: async () => slots },
    keys: {
      listPools: async (addresses) =>
        stored.filter((key) =>
          addresses.some(({ scope, scopeId }) => scope === key.scope && scopeId === key.scopeId),
        ),
    },
  })(CALLER, WORKSPACE_ID);

describe('the occupied slots', () => {
  it('are an empty list in a workspace without live sessions and keys', async () => {
    expect(await read([])).toEqual({ at: NOW, keys: [] });
  });

  it('are those whose lease has not ended, to the second', async () => {
    const { keys } = await read([
      held('a', { expiresAt: NOW_SECONDS - 1 }),
      held('b', { expiresAt: NOW_SECONDS }),
      held('c', { expiresAt: NOW_SECONDS + 1 }),
    ]);
    expect(keys).toMatchObject([{ active: 1, sites: [{ siteId: 'c', active: 1 }] }]);
  });

  it('are counted once for a session that also holds a share of its site', async () => {
    const { keys } = await read([held('a'), held('a', { pool: 'fingerprint#a' })]);
    expect(keys).toMatchObject([{ active: 1 }]);
  });

  it('become free with the earliest lease', async () => {
    const leases = [90, 30, 60].map((seconds) => held('a', { expiresAt: NOW_SECONDS + seconds }));
    expect((await read(leases)).keys).toMatchObject([{ earliestExpiry: NOW_SECONDS + 30 }]);
  });

  it('are listed by site, the busiest first, and equal ones in the order of their IDs', async () => {
    const { keys } = await read(['b', 'd', 'a', 'c', 'd'].map((site) => held(site)));
    expect(keys).toMatchObject([
      {
        sites: [
          { siteId: 'd', active: 2 },
          { siteId: 'a', active: 1 },
          { siteId: 'b', active: 1 },
          { siteId: 'c', active: 1 },
        ],
      },
    ]);
  });

  it('are listed per key, even if it is stored at several scopes, under the first scope in use', async () => {
    const { keys } = await read([
      held('a', { keyScope: 'site', keyScopeId: 'a' }),
      held('b'),
      held('c', { pool: 'another' }),
    ]);
    expect(keys).toMatchObject([
      { scope: 'site', scopeId: 'a', active: 2 },
      { scope: 'workspace', scopeId: WORKSPACE_ID, active: 1 },
    ]);
  });
});

describe('the displayed slot limit', () => {
  const limitOf = async (keyScope: HeldSlot['keyScope'], workspace: Partial<Workspace>) =>
    (await read([held('a', { keyScope })], workspace)).keys[0]?.limit;

  it('of an own key is the workspace setting or the limit of the OpenAI tier', async () => {
    for (const scope of ['site', 'workspace'] as const) {
      expect(await limitOf(scope, { concurrencyLimit: 7, openaiTier: 1 })).toBe(7);
      expect(await limitOf(scope, { concurrencyLimit: null, openaiTier: 1 })).toEqual(expect.any(Number));
    }
  });

  it('of the platform key is the workspace setting, or none', async () => {
    expect(await limitOf('platform', { concurrencyLimit: 7, openaiTier: 1 })).toBe(7);
    expect(await limitOf('platform', { concurrencyLimit: null, openaiTier: 1 })).toBeNull();
  });
});

describe('a stored key without sessions', () => {
  const WORKSPACE_KEY: Stored = { scope: 'workspace', scopeId: WORKSPACE_ID, pool: 'own' };
  const keyOfSite = (index: number, pool: string): Stored => ({
    scope: 'site',
    scopeId: sitesOf(index + 1)[index]?.siteId ?? '',
    pool,
  });

  it('is listed with zero sessions and its limit', async () => {
    const { keys } = await read([], { concurrencyLimit: 7 }, { stored: [WORKSPACE_KEY] });
    expect(keys).toEqual([
      {
        scope: 'workspace',
        scopeId: WORKSPACE_ID,
        limit: 7,
        active: 0,
        earliestExpiry: undefined,
        sites: [],
      },
    ]);
  });

  it('of the last of many sites is listed after the busy keys', async () => {
    const stored = [WORKSPACE_KEY, keyOfSite(149, 'quiet')];
    const { keys } = await read([held('a', { pool: 'own' })], {}, { sites: 150, stored });
    expect(keys).toMatchObject([
      { scope: 'workspace', active: 1 },
      { scope: 'site', scopeId: keyOfSite(149, 'quiet').scopeId, active: 0 },
    ]);
  });

  it('is one row for several scopes, and not repeated when it is in use', async () => {
    const stored = [WORKSPACE_KEY, keyOfSite(0, 'own'), keyOfSite(1, 'own')];
    const idle = await read([], {}, { sites: 2, stored });
    expect(idle.keys).toMatchObject([{ scope: 'workspace', active: 0 }]);
    const busy = await read([held('a', { pool: 'own' })], {}, { sites: 2, stored });
    expect(busy.keys).toHaveLength(1);
  });

  it('is the platform key only while the platform pays', async () => {
    const stored: Stored[] = [{ scope: 'platform', scopeId: 'platform', pool: 'platform' }];
    expect((await read([], { billingMode: 'byok' }, { stored })).keys).toEqual([]);
    const { keys } = await read([], { billingMode: 'managed', concurrencyLimit: null }, { stored });
    expect(keys).toMatchObject([{ scope: 'platform', active: 0, limit: null }]);
  });
});
