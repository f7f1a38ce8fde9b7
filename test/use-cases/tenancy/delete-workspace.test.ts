import { describe, expect, it } from '@jest/globals';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { LiveKey } from '../../../lambdas/domain/keys/stored-key.ts';
import type { Role, Site, Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { type DeletionPorts, deleteWorkspace } from '../../../lambdas/use-cases/tenancy/delete-workspace.ts';
import {
  aKey,
  aMember,
  aSite,
  aWorkspace,
  NOW,
  outcomeOf,
  SITE_ID,
  WORKSPACE_ID,
} from '../sessions/token-fixture.ts';

const CALLER = { sub: 'somebody', sourceIp: '192.0.2.1' };
const siteCalled = (last: string): Site =>
  aSite({ siteId: `${WORKSPACE_ID}cdefghjkmnp${last}` as SiteId, name: last });

/** A workspace in a table: its sites, a page of two at a time, and keys by their scope's id. */
const worldWith = ({
  role = 'owner',
  workspace = aWorkspace(),
  sites = [],
  keys = {},
  onArchive = () => undefined,
}: {
  readonly role?: Role | null;
  readonly workspace?: Workspace | 'none';
  readonly sites?: readonly Site[];
  readonly keys?: Readonly<Record<string, LiveKey>>;
  /** Another person's action between the shredding of a site's key and the site's archiving. */
  readonly onArchive?: (stored: Map<string, LiveKey>) => void;
} = {}) => {
  const log: string[] = [];
  const events: unknown[] = [];
  const changes: unknown[] = [];
  const stored = new Map(Object.entries(keys));
  const ports = {
    clock: () => NOW,
    auditEvents: {
      event: async (caller: unknown, type: string, facts: object) => {
        events.push({ caller, type, ...facts });
        return { type };
      },
    },
    tenancy: {
      readMembership: async () => ({
        workspace: workspace === 'none' ? undefined : workspace,
        member: role === null ? undefined : aMember(role),
      }),
      markWorkspaceDeleted: async (workspaceId: string, { type }: { type: string }) => {
        log.push(`mark ${workspaceId} ${type}`);
      },
      listSites: async (_: unknown, { limit, after }: { limit: number; after?: string }) => {
        log.push(`list ${limit} after ${after}`);
        const from = Number(after ?? 0);
        return {
          items: sites.slice(from, from + 2),
          next: from + 2 < sites.length ? String(from + 2) : undefined,
        };
      },
      archiveSite: async ({ name }: Site, { type }: { type: string }) => {
        onArchive(stored);
        log.push(`archive ${name} ${type}`);
      },
    },
    keys: {
      readKey: async ({ scopeId }: { scopeId: string }) => stored.get(scopeId),
      changeKey: async ({ scope, scopeId }: { scope: string; scopeId: string }, change: unknown) => {
        stored.delete(scopeId);
        changes.push(change);
        log.push(`shred key of ${scope} ${scopeId}`);
      },
    },
    callEnder: { end: async () => 0 },
  } as unknown as DeletionPorts;
  const end = (confirm = 'Shop') => outcomeOf(deleteWorkspace(ports)(CALLER, WORKSPACE_ID, confirm));
  return { end, log, events, changes };
};

describe('the deletion of a workspace', () => {
  it('first stops minting, then shreds the workspace key, and archives each site with its key', async () => {
    const { end, log } = worldWith({
      sites: [siteCalled('a'), siteCalled('b'), siteCalled('c')],
      keys: { [WORKSPACE_ID]: aKey('workspace'), [siteCalled('b').siteId]: aKey('site') },
    });
    expect(await end()).toBe('done');
    expect(log).toEqual([
      `mark ${WORKSPACE_ID} workspace.deleted`,
      `shred key of workspace ${WORKSPACE_ID}`,
      'list 100 after undefined',
      'archive a site.archived',
      `shred key of site ${siteCalled('b').siteId}`,
      'archive b site.archived',
      'list 100 after 2',
      'archive c site.archived',
    ]);
  });

  it('records an event for each step, and leaves a key without ciphertext', async () => {
    const { end, events, changes } = worldWith({ sites: [aSite()], keys: { [SITE_ID]: aKey('site') } });
    await end();
    expect(events).toEqual([
      { caller: CALLER, type: 'workspace.deleted', workspaceId: WORKSPACE_ID },
      {
        caller: CALLER,
        type: 'key.deleted',
        workspaceId: WORKSPACE_ID,
        siteId: SITE_ID,
        facts: expect.objectContaining({ scope: 'site', version_before: 3 }),
      },
      { caller: CALLER, type: 'site.archived', workspaceId: WORKSPACE_ID, siteId: SITE_ID },
    ]);
    expect(changes).toEqual([
      expect.objectContaining({
        currentKey: expect.objectContaining({ changedAt: NOW.toISOString(), changedBy: CALLER.sub }),
      }),
    ]);
    expect(JSON.stringify(changes)).not.toContain('ciphertext');
  });

  it('shreds a key that was stored on a site while this was being archived', async () => {
    const { end, log } = worldWith({
      sites: [aSite()],
      onArchive: (stored) => stored.set(SITE_ID, aKey('site')),
    });
    expect(await end()).toBe('done');
    expect(log.slice(-2)).toEqual(['archive Shop site site.archived', `shred key of site ${SITE_ID}`]);
  });

  it('requires the name of the workspace, and otherwise does nothing', async () => {
    const { end, log, events } = worldWith({ keys: { [WORKSPACE_ID]: aKey('workspace') } });
    expect(await end('shop')).toBe('invalid_request');
    await expect(
      deleteWorkspace({
        tenancy: { readMembership: async () => ({ workspace: aWorkspace(), member: aMember('owner') }) },
      } as unknown as DeletionPorts)(CALLER, WORKSPACE_ID, ''),
    ).rejects.toMatchObject({
      details: [{ path: 'confirm', message: expect.stringContaining('name') }],
    });
    expect({ log, events }).toEqual({ log: [], events: [] });
  });
});

describe('an interrupted deletion of a workspace', () => {
  const deleted = aWorkspace({ deletedAt: '2026-11-22T00:00:00.000Z' });
  const left = { workspace: deleted, sites: [aSite()], keys: { [WORKSPACE_ID]: aKey('workspace') } };

  it('is completed when its owner repeats it, without the name, and returns workspace_not_found', async () => {
    const { end, log } = worldWith(left);
    expect(await end('')).toBe('workspace_not_found');
    expect(log).toEqual([
      `shred key of workspace ${WORKSPACE_ID}`,
      'list 100 after undefined',
      'archive Shop site site.archived',
    ]);
  });

  it.each(['admin', null] as const)('cannot be completed by %s', async (role) => {
    const { end, log } = worldWith({ ...left, role });
    expect(await end()).toBe('workspace_not_found');
    expect(log).toEqual([]);
  });

  it('is not assumed for a workspace that does not exist', async () => {
    const { end, log } = worldWith({ ...left, workspace: 'none' });
    expect(await end()).toBe('workspace_not_found');
    expect(log).toEqual([]);
  });
});
