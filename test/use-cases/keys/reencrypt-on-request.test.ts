import { describe, expect, it } from '@jest/globals';
import type { RotationRequest } from '../../../lambdas/domain/anomalies/rotation-request.ts';
import type { StoredKey } from '../../../lambdas/domain/keys/stored-key.ts';
import {
  DEFAULT_VOICE_SETTINGS,
  type Site,
  type Workspace,
} from '../../../lambdas/domain/tenancy/workspace.ts';
import {
  type ReencryptOnRequestPorts,
  reencryptOnRequest,
} from '../../../lambdas/use-cases/keys/reencrypt-on-request.ts';
import {
  aContext,
  aKey,
  aSite,
  aWorkspace,
  lost,
  NOW,
  recordingPorts,
  SITE_ID,
  WORKSPACE_ID,
} from '../sessions/token-fixture.ts';

const REQUESTS = {
  site: { incidentId: 'evt_1', workspaceId: WORKSPACE_ID, scope: 'site', scopeId: SITE_ID, version: 3 },
  workspace: {
    incidentId: 'evt_1',
    workspaceId: WORKSPACE_ID,
    scope: 'workspace',
    scopeId: WORKSPACE_ID,
    version: 3,
  },
} as const satisfies Readonly<Record<string, RotationRequest>>;

/** The outcome of the detector's request; `written` is what was written with its audit event. */
const asked = async (
  request: RotationRequest,
  found: {
    readonly key?: StoredKey | null;
    readonly site?: Site | null;
    readonly workspace?: Workspace | null;
    readonly write?: () => Promise<void>;
  } = {},
) => {
  const { key = aKey(request.scope), site = aSite(), workspace = aWorkspace() } = found;
  const { ports, log } = recordingPorts(aContext());
  const written: unknown[] = [];
  const changes: unknown[] = [];
  const reserved: unknown[] = [];
  const outcome = await reencryptOnRequest({
    ...ports,
    sessions: { ...ports.sessions, reserve: async (session: unknown) => void reserved.push(session) },
    keys: {
      readKey: async () => key ?? undefined,
      changeKey: async (...change: unknown[]) => {
        await found.write?.();
        changes.push(change.slice(0, 2));
        written.push(change[2]);
      },
    },
    sites: { readSite: async () => site ?? undefined },
    workspaces: { readWorkspace: async () => workspace ?? undefined },
    sealer: { seal: async (_: unknown, binding: object) => ({ ...aKey(request.scope).sealed, ...binding }) },
  } as unknown as ReencryptOnRequestPorts)(request).catch((error: unknown) => error);
  return { outcome, written, log, changes, reserved };
};

describe('the key that the detector asks to re-encrypt', () => {
  it.each([
    ['site', SITE_ID],
    ['workspace', null],
  ] as const)('of a %s is re-encrypted, and the audit event names the incident', async (scope, siteId) => {
    const { outcome, written, log } = await asked(REQUESTS[scope]);
    expect(outcome).toBe('reencrypted');
    expect(log).toEqual(['open', 'settle used']);
    expect(written).toEqual([
      expect.objectContaining({
        type: 'key.reencrypted',
        actor: 'system:detector',
        workspaceId: WORKSPACE_ID,
        siteId,
        ipHash: null,
        facts: expect.objectContaining({ scope, version_before: 3, version: 4, incident: 'evt_1' }),
      }),
    ]);
  });

  it.each([
    ['site', SITE_ID, SITE_ID, 'another model'],
    ['workspace', WORKSPACE_ID, undefined, DEFAULT_VOICE_SETTINGS.model],
  ] as const)(
    'of a %s has its decrypt on record, and is written at its own address',
    async (scope, scopeId, siteId, model) => {
      const { changes, reserved } = await asked(REQUESTS[scope], {
        site: aSite({ model: 'another model' }),
      });
      expect(reserved).toEqual([
        expect.objectContaining({
          kind: 'reencryption',
          workspaceId: WORKSPACE_ID,
          siteId,
          keyScope: scope,
          keyScopeId: scopeId,
          keyVersion: 3,
          model,
          actor: 'system:detector',
          ipHash: '',
        }),
      ]);
      const address = { scope, scopeId, workspaceId: WORKSPACE_ID };
      const sealed = expect.objectContaining({ ...address, version: 4 });
      const head = { sealed, changedAt: NOW.toISOString(), changedBy: 'system:detector' };
      expect(changes).toEqual([
        [address, expect.objectContaining({ currentKey: expect.objectContaining(head) })],
      ]);
    },
  );

  it.each([
    [
      'was replaced since',
      REQUESTS.site,
      { key: aKey('site', { sealed: { ...aKey('site').sealed, version: 4 } }) },
    ],
    ['is gone', REQUESTS.site, { key: null }],
    ['belongs to an archived site', REQUESTS.site, { site: null }],
    ['belongs to a workspace that does not exist', REQUESTS.workspace, { workspace: null }],
    [
      'belongs to a deleted workspace',
      REQUESTS.workspace,
      { workspace: aWorkspace({ deletedAt: '2026-11-23T00:00:00.000Z' }) },
    ],
  ] as const)('is left unchanged and unopened if it %s', async (_, request, found) => {
    expect(await asked(request, found)).toMatchObject({
      outcome: 'superseded',
      written: [],
      log: [],
      reserved: [],
    });
  });

  it('is left unchanged if a person replaces it at the same moment', async () => {
    expect((await asked(REQUESTS.site, { write: lost })).outcome).toBe('superseded');
  });

  it('is requested again if the table fails', async () => {
    const outage = new Error('no answer');
    expect((await asked(REQUESTS.site, { write: () => Promise.reject(outage) })).outcome).toBe(outage);
  });
});
