import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { leaseAttributes, leaseItem } from '../../lambdas/adapters/aws/sessions/lease-item.ts';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { ConflictError } from '../../lambdas/domain/dependency.ts';
import {
  newSessionId,
  type SessionId,
  type SiteId,
  type WorkspaceId,
} from '../../lambdas/domain/identifiers.ts';
import { holderTagOf, type NewLease, type TakenSlot } from '../../lambdas/domain/sessions/slots.ts';
import { type Tables, tablesAt } from '../support/key-tables.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { type UseCasePorts, useCasePorts } from '../support/use-case-ports.ts';
import { anAdmittedSession } from '../use-cases/sessions/token-fixture.ts';

/** Leases in the real table: who may take, keep and give back a slot. */

let stack: TestStack;
let ports: UseCasePorts;
let tables: Tables;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  ports = useCasePorts(stack);
  tables = tablesAt(stack.dynamoDb.endpoint);
});
afterAll(async () => {
  tables?.close();
  await stack?.close();
});

const NOW = new Date('2026-11-30T12:00:00.000Z');
const SECONDS = NOW.getTime() / 1_000;
let workspaces = 0;
const newWorkspace = () => String(++workspaces).padStart(12, '0') as WorkspaceId;
const newSession = () => newSessionId(NOW, ports.random);

const leaseOf = (sessionId: SessionId, facts: Partial<NewLease> = {}): NewLease => ({
  pool: 'pool',
  index: 3,
  sessionId,
  address: 'abcdef',
  expiresAt: SECONDS + 90,
  ...facts,
});
const put = (workspaceId: WorkspaceId, lease: NewLease): Promise<void> =>
  tables.putItem('limits', {
    ...primaryKey.slot(workspaceId, lease.pool, lease.index),
    ...leaseAttributes(lease),
  });
const leasesIn = async (workspaceId: WorkspaceId): Promise<readonly TakenSlot[]> =>
  (await tables.slotsOf(workspaceId)).map((item) => leaseItem.parse(item));

const admit = (workspaceId: WorkspaceId, sessionId: SessionId, replaced?: SessionId): Promise<void> => {
  const siteId = `${workspaceId}cdefghjkmnpq` as SiteId;
  const session = { ...anAdmittedSession({ sessionId, workspaceId, siteId }), createdAt: NOW.toISOString() };
  const nothing = { hold: undefined, use: undefined, visitor: undefined, budgets: [] };
  return ports.admissions.admit({ session, leases: [leaseOf(sessionId)], replaced, ...nothing }, NOW);
};

describe('A slot', () => {
  it('is taken by a session if it is free', async () => {
    const [workspaceId, session] = [newWorkspace(), newSession()];
    await admit(workspaceId, session);
    expect(await leasesIn(workspaceId)).toMatchObject([
      { holder: holderTagOf(session), index: 3, pool: 'pool' },
    ]);
  });

  it('can be taken at the second at which its lease ends, not before', async () => {
    const [workspaceId, session] = [newWorkspace(), newSession()];
    await put(workspaceId, leaseOf(newSession(), { expiresAt: SECONDS + 1 }));
    await expect(admit(workspaceId, session)).rejects.toThrow(ConflictError);
    await put(workspaceId, leaseOf(newSession(), { expiresAt: SECONDS }));
    await admit(workspaceId, session);
    expect(await leasesIn(workspaceId)).toMatchObject([{ holder: holderTagOf(session) }]);
  });

  it('is not taken by a session with the same tag as the expired lease', async () => {
    const [workspaceId, session] = [newWorkspace(), newSession()];
    await put(workspaceId, leaseOf(session, { expiresAt: SECONDS - 600 }));
    await expect(admit(workspaceId, session)).rejects.toThrow(ConflictError);
  });

  it('is taken over only from the session that is replaced', async () => {
    const [workspaceId, old] = [newWorkspace(), newSession()];
    await put(workspaceId, leaseOf(old));
    await expect(admit(workspaceId, newSession(), newSession())).rejects.toThrow(ConflictError);
    const session = newSession();
    await admit(workspaceId, session, old);
    expect(await leasesIn(workspaceId)).toMatchObject([{ holder: holderTagOf(session) }]);
  });
});

describe('A lease', () => {
  it('is renewed and released only by its session', async () => {
    const [workspaceId, session] = [newWorkspace(), newSession()];
    await put(workspaceId, leaseOf(session));
    const later = [leaseOf(session, { expiresAt: SECONDS + 300 })];
    const foreign = [leaseOf(newSession(), { expiresAt: SECONDS + 300 })];
    expect(await ports.slots.renew(workspaceId, foreign, NOW)).toBe(false);
    await ports.slots.release(workspaceId, foreign);
    expect(await leasesIn(workspaceId)).toMatchObject([{ expiresAt: SECONDS + 90 }]);
    expect(await ports.slots.renew(workspaceId, later, NOW)).toBe(true);
    expect(await leasesIn(workspaceId)).toMatchObject([{ expiresAt: SECONDS + 300, address: 'abcdef' }]);
    await ports.slots.release(workspaceId, later);
    expect(await leasesIn(workspaceId)).toEqual([]);
  });

  it('that has expired is not renewed, even if no other session has taken its slot yet', async () => {
    const [workspaceId, session] = [newWorkspace(), newSession()];
    await put(workspaceId, leaseOf(session, { expiresAt: SECONDS }));
    expect(await ports.slots.renew(workspaceId, [leaseOf(session)], NOW)).toBe(false);
  });
});
