import { describe, expect, it } from '@jest/globals';
import type { Incident } from '../../../lambdas/domain/anomalies/incident.ts';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import type { KeyChange } from '../../../lambdas/domain/keys/key-lifecycle.ts';
import type { KeyAddress, StoredKey } from '../../../lambdas/domain/keys/stored-key.ts';
import { suspendForIncident } from '../../../lambdas/use-cases/anomalies/suspend-for-incident.ts';
import { aKey, lost, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';

const KEYS = {
  site: { scope: 'site', scopeId: SITE_ID, version: 3 },
  workspace: { scope: 'workspace', scopeId: WORKSPACE_ID, version: 3 },
} as const;

const INCIDENT: Incident = {
  incidentId: 'evt_1',
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  kind: 'burst',
  at: NOW.toISOString(),
  observed: 12,
  expected: 0,
  threshold: 12,
  windowSeconds: 300,
  response: 'suspend',
  keys: [KEYS.workspace],
};

/**
 * The stored key after an incident with the OpenAI key that the fixture keeps at that scope. `write` runs before the
 * table's own write, and may change what the next read finds.
 */
const suspended = async (
  scope: keyof typeof KEYS,
  {
    stored = aKey(scope),
    write = async () => undefined,
  }: {
    readonly stored?: StoredKey | null;
    readonly write?: (change: (found: StoredKey) => void) => Promise<void>;
  } = {},
) => {
  let found = stored ?? undefined;
  const read: KeyAddress[] = [];
  const written: { address: KeyAddress; change: KeyChange; event: AuditEvent }[] = [];
  await suspendForIncident({
    clock: () => NOW,
    random: (size) => Buffer.alloc(size),
    backOff: async () => {},
    callEnder: { end: async () => 0 },
    keys: {
      readKey: async (address) => {
        read.push(address);
        return found;
      },
      changeKey: async (address, change, event) => {
        await write((next) => {
          found = next;
        });
        written.push({ address, change, event });
      },
    },
  })(INCIDENT, KEYS[scope], scope);
  return { read, written };
};

describe('the key of an incident', () => {
  it.each([
    ['site', SITE_ID],
    ['workspace', null],
  ] as const)('of a %s is suspended, and the audit event names the incident', async (scope, siteId) => {
    const { read, written } = await suspended(scope);
    const address = { scope, scopeId: KEYS[scope].scopeId, workspaceId: WORKSPACE_ID };
    const at = NOW.toISOString();
    expect(read).toEqual([address]);
    expect(written).toEqual([
      {
        address,
        change: {
          expectedRevision: 1,
          currentKey: {
            ...aKey(scope),
            revision: 2,
            state: 'suspended',
            changedAt: at,
            changedBy: 'system:detector',
          },
          created: undefined,
          retain: undefined,
          shred: undefined,
        },
        event: {
          eventId: expect.stringMatching(/^evt_/),
          workspaceId: WORKSPACE_ID,
          type: 'key.suspended',
          at,
          actor: 'system:detector',
          siteId,
          sessionId: null,
          ipHash: null,
          facts: { scope, version_before: 3, version: 3, masked: 'sk-...????', incident: 'evt_1' },
        },
      },
    ]);
  });

  it('is suspended under its new version if it was re-encrypted meanwhile', async () => {
    const sealed = { ...aKey('workspace').sealed, version: 4, masked: 'sk-...abcd' };
    const { written } = await suspended('workspace', { stored: aKey('workspace', { sealed }) });
    expect(written).toMatchObject([
      { event: { facts: { version_before: 4, version: 4, masked: 'sk-...abcd' } } },
    ]);
  });

  const { revision, lastVersion, changedAt, changedBy } = aKey('workspace');

  it.each<[string, StoredKey | null]>([
    ['was never stored', null],
    ['is deleted', { revision, lastVersion, changedAt, changedBy, state: 'deleted' }],
    ['is already suspended', aKey('workspace', { state: 'suspended' })],
    ['is another OpenAI key now', aKey('workspace', { sealed: aKey('site').sealed })],
  ])('is left unchanged if it %s', async (_, stored) => {
    expect((await suspended('workspace', { stored })).written).toEqual([]);
  });

  it('is left unchanged if a person suspends it at the same moment', async () => {
    const { read, written } = await suspended('workspace', {
      write: (change) => {
        change(aKey('workspace', { revision: 2, state: 'suspended' }));
        return lost();
      },
    });
    expect(read).toHaveLength(2);
    expect(written).toEqual([]);
  });
});
