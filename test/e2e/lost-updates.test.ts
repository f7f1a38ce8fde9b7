import { afterAll, describe, expect, it } from '@jest/globals';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import { dynamoDbTenancy } from '../../lambdas/adapters/aws/tenancy/dynamodb-tenancy.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { AuditEvent, AuditEventType } from '../../lambdas/domain/audit/audit-record.ts';
import { ConflictError } from '../../lambdas/domain/dependency.ts';
import { newEventId, type SiteId, type WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import type { Member, Site } from '../../lambdas/domain/tenancy/workspace.ts';
import { expectSuccess } from '../support/answers.ts';
import { asOwner } from '../support/keyed-tenant.ts';
import { addMember } from '../support/people.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const client = dynamoDbClient({
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint,
});
const tenancy = dynamoDbTenancy(client, {
  name: TABLES.tenancy.name,
  indexName: 'by-sub',
  writer: 'manage',
});
afterAll(async () => {
  client.destroy();
  await stack.close();
});

let count = 0;
const eventOf = (type: AuditEventType, workspaceId: WorkspaceId, actor: string): AuditEvent => ({
  eventId: newEventId(new Date(), (size) => Buffer.alloc(size, count++)),
  workspaceId,
  type,
  at: new Date().toISOString(),
  actor,
  siteId: null,
  sessionId: null,
  ipHash: '',
  facts: {},
});

describe('two people who change the same site or member at the same moment', () => {
  it('do not lose instructions: a change cannot replace instructions that its author did not read', async () => {
    const tenant = await makeTenant(stack);
    const path = `/v1/sites/${tenant.siteId}`;
    const read = (await tenancy.readSiteMembership(tenant.siteId as SiteId, tenant.owner)).site as Site;
    expectSuccess(
      await stack.call('PATCH', path, { as: tenant.owner, body: { instructions: 'The first person.' } }),
    );
    const write = (change: Partial<Site>) =>
      tenancy.changeSite(read, change, eventOf('site.changed', read.workspaceId, tenant.owner));
    await expect(write({ instructions: 'The second person.' })).rejects.toBeInstanceOf(ConflictError);
    await write({ voice: 'cedar' });
    expect(await asOwner(stack, tenant, 'GET', path)).toMatchObject({
      instructions: 'The first person.',
      voice: 'cedar',
    });
  });

  it('do not lose a name: a role change does not write the name', async () => {
    const tenant = await makeTenant(stack);
    const workspaceId = tenant.workspaceId as WorkspaceId;
    const ada = await addMember(stack, tenant, 'viewer');
    const nameAs = (name: string | null) =>
      stack.call('PUT', `/v1/workspaces/${workspaceId}/me`, { as: ada, body: { name } });
    expectSuccess(await nameAs('Ada'));
    const read = (await tenancy.readMember(workspaceId, ada)) as Member;
    const save = (before: Member, role: Member['role']) =>
      tenancy.saveMember({ ...before, role }, before, eventOf('member.saved', workspaceId, tenant.owner));
    expectSuccess(await nameAs('Ada Lovelace'));
    await save(read, 'admin');
    expect(await tenancy.readMember(workspaceId, ada)).toEqual({
      ...read,
      role: 'admin',
      name: 'Ada Lovelace',
    });
    await expect(save(read, 'owner')).rejects.toBeInstanceOf(ConflictError);
    expectSuccess(await nameAs(null));
    const { name: _, ...nameless } = read;
    expect(await tenancy.readMember(workspaceId, ada)).toEqual({ ...nameless, role: 'admin' });
  });
});
