import { afterAll, describe, expect, it, test } from '@jest/globals';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { invitationIdForSub } from '../../lambdas/domain/tenancy/invitation.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { addMember, joinAs, newPerson } from '../support/people.ts';
import { rawRequest } from '../support/raw-request.ts';
import { startTestStack } from '../support/stack.ts';
import {
  fakeKey,
  makeTenant,
  mint,
  ORIGIN,
  putSiteKey,
  putWorkspaceKey,
  type Tenant,
} from '../support/tenant.ts';
import { rawTables, textOf } from './tables.ts';
import {
  actionsIn,
  auditPage,
  auditPath,
  expectIntact,
  keyPath,
  ofType,
  settledTrail,
  siteWithKey,
  verdictIn,
} from './trail.ts';

const stack = await startTestStack({ audited: false });
const tables = rawTables(stack);
afterAll(async () => {
  tables.close();
  await stack.close();
});

const HASH = /^[0-9a-f]{64}$/;

/** Events of an invitation and its acceptance. */
const joined = ({ workspaceId, owner }: Tenant, sub: string, role: string) => {
  const invitation = invitationIdForSub(workspaceId as WorkspaceId, sub);
  return [
    ['member.invited', owner, null, { invitation, role, sub }],
    ['member.saved', sub, null, { sub, role, invitation }],
  ];
};

describe('every action of a person leaves exactly one audit row', () => {
  test('the row has the type of the action, the actor, the target and the change', async () => {
    const tenant = await makeTenant(stack, { openai_tier: 5 });
    const { owner, workspaceId, siteId } = tenant;
    const workspace = `/v1/workspaces/${workspaceId}`;
    const site = `/v1/sites/${siteId}`;
    const member = newPerson('member');
    const admin = await addMember(stack, tenant, 'admin');
    const act = async (as: string, method: string, path: string, body?: unknown) =>
      expectSuccess(await stack.call(method, path, { as, ...(body !== undefined && { body }) }));
    await act(owner, 'PATCH', workspace, { name: 'Other', billing_mode: 'byok' });
    await act(owner, 'PATCH', workspace, { name: 'Another' });
    await joinAs(stack, tenant, member, 'viewer');
    await act(owner, 'PUT', `${workspace}/members/${member}`, { role: 'admin' });
    await act(owner, 'DELETE', `${workspace}/members/${member}`);
    await act(admin, 'PATCH', site, { name: 'Other', voice: 'cedar' });
    const first = await act(admin, 'PUT', `${site}/openai-key`, { api_key: fakeKey() });
    const second = await act(owner, 'PUT', `${site}/openai-key`, { api_key: fakeKey() });
    await act(admin, 'POST', `${site}/openai-key/rollback`);
    await act(admin, 'POST', `${site}/openai-key/suspend`);
    await act(owner, 'POST', `${site}/openai-key/resume`);
    await act(admin, 'POST', `${site}/openai-key/rotate`);
    await act(admin, 'DELETE', `${site}/openai-key`);
    const shared = await act(owner, 'PUT', `${workspace}/openai-key`, { api_key: fakeKey() });
    await act(owner, 'POST', `${workspace}/openai-key/rotate`);
    await act(owner, 'DELETE', `${workspace}/openai-key`);
    await act(admin, 'PUT', `${site}/openai-key`, { api_key: fakeKey() });
    await act(admin, 'DELETE', site);

    const rows = await settledTrail(stack, tenant);
    await expectIntact(stack, tenant, rows);
    const told = actionsIn(rows).map(({ type, actor, site_id, facts }) => [type, actor, site_id, facts]);
    const atSite = { scope: 'site', masked: first.masked };
    const atWorkspace = { scope: 'workspace', masked: shared.masked };
    expect(told).toEqual([
      ['workspace.created', owner, null, {}],
      ['site.created', owner, siteId, {}],
      ...joined(tenant, admin, 'admin'),
      [
        'workspace.changed',
        owner,
        null,
        { fields: 'billingMode,name', billing_mode_before: 'byok', billing_mode: 'byok' },
      ],
      ['workspace.changed', owner, null, { fields: 'name' }],
      ...joined(tenant, member, 'viewer'),
      ['member.saved', owner, null, { sub: member, role: 'admin', role_before: 'viewer' }],
      ['member.removed', owner, null, { sub: member, role_before: 'admin' }],
      ['site.changed', admin, siteId, { fields: 'name,voice' }],
      ['key.stored', admin, siteId, { ...atSite, version: 1, verdict: 'ok' }],
      [
        'key.stored',
        owner,
        siteId,
        { ...atSite, masked: second.masked, version_before: 1, version: 2, verdict: 'ok' },
      ],
      ['key.rolled_back', admin, siteId, { ...atSite, version_before: 2, version: 1 }],
      ['key.suspended', admin, siteId, { ...atSite, version_before: 1, version: 1 }],
      ['key.resumed', owner, siteId, { ...atSite, version_before: 1, version: 1 }],
      [
        'key.reencrypted',
        admin,
        siteId,
        { ...atSite, version_before: 1, version: 3, versions_shredded: '1' },
      ],
      ['key.deleted', admin, siteId, { scope: 'site', version_before: 3, versions_shredded: '3,2' }],
      ['key.stored', owner, null, { ...atWorkspace, version: 1, verdict: 'ok' }],
      [
        'key.reencrypted',
        owner,
        null,
        { ...atWorkspace, version_before: 1, version: 2, versions_shredded: '1' },
      ],
      ['key.deleted', owner, null, { scope: 'workspace', version_before: 2, versions_shredded: '2' }],
      ['key.stored', admin, siteId, { scope: 'site', masked: expect.any(String), version: 4, verdict: 'ok' }],
      ['key.deleted', admin, siteId, { scope: 'site', version_before: 4, versions_shredded: '4' }],
      ['site.archived', admin, siteId, {}],
    ]);
  });

  test('the deletion of a workspace records the end of the workspace, its sites and their keys', async () => {
    const tenant = await siteWithKey(stack);
    expectSuccess(await putWorkspaceKey(stack, tenant, fakeKey()));
    const path = `/v1/workspaces/${tenant.workspaceId}`;
    expectSuccess(await stack.call('DELETE', path, { as: tenant.owner, body: { confirm: 'Shop' } }));
    await stack.streams.drain();
    const rows = await tables.partition('audit', `AUDIT#${tenant.workspaceId}`);
    const ends = rows.filter(({ type }) =>
      ['workspace.deleted', 'key.deleted', 'site.archived'].includes(String(type)),
    );
    expect(ends.map(({ type, actor, siteId }) => [type, actor, siteId])).toEqual([
      ['workspace.deleted', tenant.owner, null],
      ['key.deleted', tenant.owner, null],
      ['key.deleted', tenant.owner, tenant.siteId],
      ['site.archived', tenant.owner, tenant.siteId],
    ]);
    expect((await verdictIn(stack, 'audit', tenant)).intact).toBe(true);
    expectRefusal(await auditPage(stack, tenant, {}), 404, 'workspace_not_found');
  });

  test('a refused action, a read and a change of nothing leave no row', async () => {
    const tenant = await siteWithKey(stack);
    const { owner, workspaceId, siteId } = tenant;
    const viewer = await addMember(stack, tenant, 'viewer');
    const suspended = `/v1/sites/${siteId}/openai-key/suspend`;
    expectSuccess(await stack.call('POST', suspended, { as: owner }));
    const before = await settledTrail(stack, tenant);
    const calls: readonly [string, string, string, unknown?][] = [
      [owner, 'POST', suspended],
      [owner, 'PUT', `/v1/workspaces/${workspaceId}/members/${viewer}`, { role: 'viewer' }],
      [owner, 'PUT', `/v1/workspaces/${workspaceId}/members/${owner}`, { role: 'viewer' }],
      [owner, 'DELETE', `/v1/workspaces/${workspaceId}/members/${newPerson('nobody')}`],
      [owner, 'PATCH', `/v1/workspaces/${workspaceId}`, {}],
      [owner, 'PATCH', `/v1/sites/${siteId}`, {}],
      [owner, 'PATCH', `/v1/sites/${siteId}`, { voice: 'no-such-voice' }],
      [owner, 'POST', `/v1/sites/${siteId}/openai-key/rollback`],
      [owner, 'PUT', `/v1/sites/${siteId}/openai-key`, { api_key: fakeKey('revoked') }],
      [owner, 'POST', `/v1/workspaces/${workspaceId}/openai-key/rotate`],
      [owner, 'DELETE', `/v1/workspaces/${workspaceId}`, { confirm: 'Wrong' }],
      [owner, 'GET', `/v1/sites/${siteId}/openai-key`],
      [owner, 'GET', `/v1/sites/${siteId}/openai-key/versions`],
      [owner, 'GET', auditPath(tenant)],
      [viewer, 'DELETE', `/v1/sites/${siteId}/openai-key`],
      [viewer, 'POST', `/v1/sites/${siteId}/openai-key/rotate`],
      [newPerson('stranger'), 'POST', `/v1/sites/${siteId}/openai-key/resume`],
    ];
    for (const [as, method, path, body] of calls)
      await stack.call(method, path, { as, ...(body !== undefined && { body }) });
    expectRefusal(await mint(stack, tenant), 423, 'openai_key_suspended');
    expectRefusal(await mint(stack, tenant, {}, 'https://evil.example'), 403, 'origin_not_allowed');
    expect(await settledTrail(stack, tenant)).toEqual(before);
  });

  test('addresses are recorded only as keyed hashes, one hash for each address', async () => {
    const tenant = await siteWithKey(stack);
    const headers = { origin: ORIGIN, 'content-type': 'application/json' };
    const from = ['127.0.0.21', '127.0.0.22', '127.0.0.21'] as const;
    for (const address of from) {
      const path = `/v1/${tenant.siteId}/token`;
      const answer = await rawRequest(stack, { method: 'POST', path, headers, body: '{}', from: address });
      expectSuccess(answer);
    }
    const rows = await settledTrail(stack, tenant);
    for (const { actor, ip_hash } of rows)
      if (actor.startsWith('system:')) expect(ip_hash).toBeNull();
      else expect(ip_hash).toMatch(HASH);
    const [first, second, third] = ofType(rows, 'session.issued').map(({ ip_hash }) => ip_hash);
    expect(first).toBe(third);
    expect(first).not.toBe(second);
    const everything = textOf(await tables.scan('audit')) + textOf(await tables.scan('sessions'));
    for (const address of [...from, '127.0.0.1', '::1']) expect(everything).not.toContain(address);
  });

  it('a rollback does not record the restored version as shredded', async () => {
    const tenant = await siteWithKey(stack);
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    const path = `${keyPath('site', tenant)}/rollback`;
    expect(expectSuccess(await stack.call('POST', path, { as: tenant.owner }))).toMatchObject({ version: 1 });
    const shredded = (await settledTrail(stack, tenant)).filter(({ facts }) => 'versions_shredded' in facts);
    expect(shredded).toEqual([]);
  });

  test('the shredding of a retained version by a later key, or by the deletion of the key, is recorded', async () => {
    const tenant = await siteWithKey(stack);
    for (let i = 0; i < 2; i++) expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    expectSuccess(await stack.call('DELETE', keyPath('site', tenant), { as: tenant.owner }));
    const shredded = ofType(await settledTrail(stack, tenant), 'key.retained_removed');
    expect(shredded.map(({ actor, site_id, facts }) => [actor, site_id, facts])).toEqual([
      ['system:dynamodb', tenant.siteId, { scope: 'site', version: 1 }],
      ['system:dynamodb', tenant.siteId, { scope: 'site', version: 2 }],
    ]);
  });
});
