import { describe, expect, it } from '@jest/globals';
import type { SessionId, SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { HeldSlot } from '../../../lambdas/domain/sessions/recorded-session.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { readConcurrency } from '../../../lambdas/use-cases/sessions/read-concurrency.ts';
import { aMember, aWorkspace, NOW, NOW_SECONDS, WORKSPACE_ID } from './token-fixture.ts';

const CALLER = { sub: 'viewer', sourceIp: '' };

const held = (site: string, facts: Partial<HeldSlot> = {}): HeldSlot => ({
  pool: 'fingerprint',
  index: 0,
  sessionId: 'ses_1' as SessionId,
  expiresAt: NOW_SECONDS + 60,
  siteId: site as SiteId,
  keyScope: 'workspace',
  keyScopeId: WORKSPACE_ID,
  ...facts,
});

const read = (slots: readonly HeldSlot[], workspace: Partial<Workspace> = {}) =>
  readConcurrency({
    clock: () => NOW,
    plans: [],
    tenancy: {
      readMembership: async () => ({
        workspace: aWorkspace(workspace),
        member: aMember('viewer'),
      }),
      readSiteMembership: () => Promise.reject(new Error('not asked here')),
    },
    slots: { listHeld: async () => slots },
  })(CALLER, WORKSPACE_ID);

describe('the slots that are taken now', () => {
  it('are none where none is held', async () => {
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

  it('are counted once where a session holds a share of its site as well', async () => {
    const { keys } = await read([held('a'), held('a', { pool: 'fingerprint#a' })]);
    expect(keys).toMatchObject([{ active: 1 }]);
  });

  it('come back with the earliest lease', async () => {
    const leases = [90, 30, 60].map((seconds) => held('a', { expiresAt: NOW_SECONDS + seconds }));
    expect((await read(leases)).keys).toMatchObject([{ earliestExpiry: NOW_SECONDS + 30 }]);
  });

  it('are shown by site, the busiest first, and equals in the order of their ids', async () => {
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

  it('are of one key wherever it is stored, named after the place that runs first', async () => {
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

describe('the limit that is shown', () => {
  const limitOf = async (keyScope: HeldSlot['keyScope'], workspace: Partial<Workspace>) =>
    (await read([held('a', { keyScope })], workspace)).keys[0]?.limit;

  it('of an own key is what the workspace has set, or what its tier at OpenAI has', async () => {
    for (const scope of ['site', 'workspace'] as const) {
      expect(await limitOf(scope, { concurrencyLimit: 7, openaiTier: 1 })).toBe(7);
      expect(await limitOf(scope, { concurrencyLimit: null, openaiTier: 1 })).toEqual(expect.any(Number));
    }
  });

  it("of the platform's key is what the workspace has set, or none", async () => {
    expect(await limitOf('platform', { concurrencyLimit: 7, openaiTier: 1 })).toBe(7);
    expect(await limitOf('platform', { concurrencyLimit: null, openaiTier: 1 })).toBeNull();
  });
});
