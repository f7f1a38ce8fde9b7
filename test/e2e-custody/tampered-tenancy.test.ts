import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { eventPut } from '../../lambdas/adapters/aws/audit/event-outbox.ts';
import type { AuditEvent } from '../../lambdas/domain/audit/audit-record.ts';
import type { EventWriter } from '../../lambdas/domain/audit/event-writers.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { hashOfApiToken, newApiToken } from '../../lambdas/domain/tenancy/api-token-text.ts';
import { expectSuccess } from '../support/answers.ts';
import { addMember } from '../support/people.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';
import { type Item, type RawTables, rawTables } from './tables.ts';
import { ofType, settledTrail } from './trail.ts';

/** Attacks by a person who may write every table and has no other right. */

let stack: TestStack;
let tables: RawTables;

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  tables = rawTables(stack);
});

afterAll(async () => {
  tables?.close();
  await stack?.close();
});

const itemOf = async ({ workspaceId }: Tenant, place: string): Promise<Item> => {
  const found = (await tables.partition('tenancy', `WORKSPACE#${workspaceId}`)).find(
    ({ sk }) => sk === place,
  );
  if (found === undefined) throw new Error(`There is no ${place}.`);
  return found;
};

const incidentsOf = async (tenant: Tenant): Promise<readonly string[]> => {
  const rows = ofType(await settledTrail(stack, tenant), 'tampering.detected');
  const announced = new Map(
    stack.incidents.tamperings
      .filter(({ workspaceId }) => workspaceId === tenant.workspaceId)
      .map(({ incidentId, kind, subject }) => [incidentId, `${kind}: ${subject}`]),
  );
  expect(rows.map(({ event_id }) => event_id).sort()).toEqual([...announced.keys()].sort());
  return [...announced.values()].sort();
};

describe('the detector reports a table writer who', () => {
  test('adds an owner', async () => {
    const tenant = await makeTenant(stack);
    const { workspaceId } = tenant;
    await tables.put('tenancy', {
      ...(await itemOf(tenant, `MEMBER#${tenant.owner}`)),
      sk: 'MEMBER#mallory',
      sub: 'mallory',
    });
    expect((await stack.call('GET', `/v1/workspaces/${workspaceId}`, { as: 'mallory' })).status).toBe(200);
    expect(await incidentsOf(tenant)).toEqual(['unexplained_change: member mallory']);
  });

  test('raises the role of a member who was just added', async () => {
    const tenant = await makeTenant(stack);
    const guest = await addMember(stack, tenant, 'viewer');
    await tables.put('tenancy', { ...(await itemOf(tenant, `MEMBER#${guest}`)), role: 'owner' });
    expect(await incidentsOf(tenant)).toEqual([`unexplained_change: member ${guest}`]);
  });

  test('restores a removed member', async () => {
    const tenant = await makeTenant(stack);
    const guest = await addMember(stack, tenant, 'admin');
    const member = await itemOf(tenant, `MEMBER#${guest}`);
    const path = `/v1/workspaces/${tenant.workspaceId}/members/${guest}`;
    expect((await stack.call('DELETE', path, { as: tenant.owner })).status).toBeLessThan(300);
    // As an attacker would who has the time: by then no event of the window explains it.
    await tables.put('tenancy', { ...member, role: 'owner' });
    expect(await incidentsOf(tenant)).toEqual([`unexplained_change: member ${guest}`]);
  });

  test('removes a member', async () => {
    const tenant = await makeTenant(stack);
    const guest = await addMember(stack, tenant, 'admin');
    await tables.delete('tenancy', await itemOf(tenant, `MEMBER#${guest}`));
    expect(await incidentsOf(tenant)).toEqual([`unexplained_change: member ${guest}`]);
  });

  test('adds, changes or removes an API token', async () => {
    const tenant = await makeTenant(stack);
    const path = `/v1/workspaces/${tenant.workspaceId}/api-tokens`;
    const body = { name: 'Export', role: 'viewer' };
    const { token, token_id } = expectSuccess(
      await stack.call('POST', path, { as: tenant.owner, body }),
      201,
    );
    const item = await itemOf(tenant, `API_TOKEN#${token_id}`);
    const forged = newApiToken(tenant.workspaceId as WorkspaceId, randomBytes);
    const own = {
      sk: `API_TOKEN#${forged.tokenId}`,
      tokenId: forged.tokenId,
      hash: hashOfApiToken(forged.text),
    };
    await tables.put('tenancy', { ...item, ...own, role: 'admin' });
    await tables.put('tenancy', { ...item, role: 'admin' });
    await tables.put('tenancy', { ...item, expiresAt: '2036-01-01T00:00:00.000Z' });
    for (const text of [forged.text, token]) {
      const headers = { authorization: `Bearer ${text}` };
      expectSuccess(await stack.call('GET', `/v1/sites/${tenant.siteId}`, { headers }));
    }
    await tables.delete('tenancy', item);
    expect(await incidentsOf(tenant)).toEqual(
      [forged.tokenId, token_id, token_id, token_id]
        .map((id) => `unexplained_change: API token ${id}`)
        .sort(),
    );
  });

  test('changes the origins of a site, or adds or removes a site', async () => {
    const tenant = await makeTenant(stack);
    const site = await itemOf(tenant, `SITE#${tenant.siteId}`);
    await tables.put('tenancy', { ...site, allowedOrigins: ['https://evil.example'] });
    const other = `${tenant.workspaceId}000000000000`;
    await tables.put('tenancy', { ...site, sk: `SITE#${other}`, siteId: other });
    await tables.delete('tenancy', site);
    expect(await incidentsOf(tenant)).toEqual([
      `unexplained_change: site ${other}`,
      `unexplained_change: site ${tenant.siteId}`,
      `unexplained_change: site ${tenant.siteId}`,
    ]);
  });

  test('starts or ends a stop', async () => {
    const tenant = await makeTenant(stack);
    const stop = {
      pk: `STOP#${tenant.workspaceId}`,
      sk: 'STOP',
      at: '2026-11-30T00:00:00.000Z',
      by: 'mallory',
    };
    await tables.put('tenancy', stop);
    await tables.delete('tenancy', stop);
    expect(await incidentsOf(tenant)).toEqual([
      'unexplained_change: stop of the workspace',
      'unexplained_change: stop of the workspace',
    ]);
  });
});

describe('an audit event in a partition of the outbox', () => {
  const eventOf = (tenant: Tenant, type: AuditEvent['type']): AuditEvent => ({
    eventId: `evt_forged_${type}`,
    workspaceId: tenant.workspaceId,
    type,
    at: '2026-01-01T00:00:00.000Z',
    actor: 'carol',
    siteId: null,
    sessionId: null,
    ipHash: null,
    facts: {},
  });
  const put = async (
    writer: EventWriter,
    event: AuditEvent,
    workspaceId = event.workspaceId,
  ): Promise<void> => {
    const item = eventPut('tenancy', writer, event).Put?.Item ?? {};
    await tables.put('tenancy', { ...item, pk: `EVENTS#${writer}#${workspaceId}` });
  };

  test('of a key does not enter the audit trail and is reported if the events function wrote it', async () => {
    const tenant = await makeTenant(stack);
    await put('events', eventOf(tenant, 'key.stored'));
    expect(ofType(await settledTrail(stack, tenant), 'key.stored')).toEqual([]);
    expect(await incidentsOf(tenant)).toEqual(['foreign_event: event key.stored']);
  });

  test('does not enter the audit trail if it names another workspace than the partition', async () => {
    const [tenant, other] = [await makeTenant(stack), await makeTenant(stack)];
    await put('manage', eventOf(tenant, 'member.saved'), other.workspaceId);
    expect(ofType(await settledTrail(stack, tenant), 'member.saved')).toEqual([]);
    expect(ofType(await settledTrail(stack, other), 'member.saved')).toEqual([]);
    expect(await incidentsOf(other)).toEqual(['foreign_event: event member.saved']);
  });

  test('does not enter the audit trail if the partition names no writer', async () => {
    const tenant = await makeTenant(stack);
    await put('manage', eventOf(tenant, 'member.saved'));
    const before = (await settledTrail(stack, tenant)).length;
    await tables.put('tenancy', {
      ...eventOf(tenant, 'member.removed'),
      pk: `EVENTS#${tenant.workspaceId}`,
      sk: 'evt_forged_2',
    });
    expect(await settledTrail(stack, tenant)).toHaveLength(before);
    expect(stack.incidents.tamperings.at(-1)).toMatchObject({
      kind: 'foreign_event',
      workspaceId: 'platform',
    });
  });
});

describe('tenancy changes by the product', () => {
  test('cause no incident: workspace, members, sites, archival and deletion', async () => {
    const tenant = await makeTenant(stack);
    const { workspaceId, siteId, owner } = tenant;
    const as = owner;
    const workspace = `/v1/workspaces/${workspaceId}`;
    const guest = await addMember(stack, tenant, 'owner');
    expectSuccess(await stack.call('PUT', `${workspace}/members/${guest}`, { as, body: { role: 'viewer' } }));
    expectSuccess(await stack.call('PATCH', workspace, { as, body: { openai_tier: 3 } }));
    expectSuccess(await stack.call('PATCH', `/v1/sites/${siteId}`, { as, body: { name: 'Renamed' } }));
    expect((await stack.call('DELETE', `${workspace}/members/${guest}`, { as })).status).toBeLessThan(300);
    expect((await stack.call('DELETE', `/v1/sites/${siteId}`, { as })).status).toBeLessThan(300);
    const { name } = expectSuccess(await stack.call('GET', workspace, { as }));
    expect(await incidentsOf(tenant)).toEqual([]);
    expect((await stack.call('DELETE', workspace, { as, body: { confirm: name } })).status).toBeLessThan(300);
    await stack.streams.drain();
    expect(stack.incidents.tamperings.filter((found) => found.workspaceId === workspaceId)).toEqual([]);
  });
});
