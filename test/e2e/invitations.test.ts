import { afterAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { tablesAt } from '../support/key-tables.ts';
import { asOwner } from '../support/keyed-tenant.ts';
import { mailsTo } from '../support/mail.ts';
import { addMember, newPerson } from '../support/people.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
const unmailed = await startTestStack({ audited: false, variables: { MAIL_SENDER: '' } });
afterAll(async () => {
  tables.close();
  await stack.close();
  await unmailed.close();
});

const invitationsOf = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}/invitations`;
const membersOf = ({ workspaceId }: Tenant): string => `/v1/workspaces/${workspaceId}/members`;
let count = 0;
const newAddress = (): string => `guest-${count++}@customer.example`;

/** Invites a new address and returns the code that was mailed to it. */
const mailedInvitation = async (tenant: Tenant, role = 'admin') => {
  const email = newAddress();
  const sent = await asOwner(stack, tenant, 'POST', invitationsOf(tenant), { email, role });
  await stack.notices.drain();
  const [mail] = mailsTo(stack, email);
  const [, id = '', secret = ''] = /^(inv_[0-9a-z]+)\.([\w-]+)$/m.exec(mail?.text ?? '') ?? [];
  return { sent, email, id, secret, mail };
};

const accept = (as: string, id: string, body: object) =>
  stack.call('POST', `/v1/invitations/${id}/accept`, { as, body });

describe('a person who is invited by email', () => {
  it('has no rights before they accept, then has exactly the role, and is listed with address and name', async () => {
    const tenant = await makeTenant(stack, { name: 'Harbour Books' });
    const guest = newPerson('guest');
    const { sent, email, id, secret, mail } = await mailedInvitation(tenant);
    expect(sent).toMatchObject({ invitation_id: id, email, role: 'admin', mailed: true, code: null });
    expect(mail?.text).toContain('Harbour Books');
    const workspace = `/v1/workspaces/${tenant.workspaceId}`;
    expectRefusal(await stack.call('GET', workspace, { as: guest }), 404, 'workspace_not_found');
    const preview = await stack.call('POST', `/v1/invitations/${id}/preview`, {
      as: guest,
      body: { secret },
    });
    expect(expectSuccess(preview)).toMatchObject({
      workspace_id: tenant.workspaceId,
      workspace_name: 'Harbour Books',
      role: 'admin',
      invited_by: tenant.owner,
    });
    expectRefusal(await stack.call('GET', workspace, { as: guest }), 404, 'workspace_not_found');
    const joined = expectSuccess(await accept(guest, id, { secret, name: 'Ada' }));
    expect(joined).toEqual({ workspace_id: tenant.workspaceId, role: 'admin' });
    expectSuccess(await stack.call('GET', workspace, { as: guest }));
    expect(await asOwner(stack, tenant, 'GET', `${membersOf(tenant)}/${guest}`)).toMatchObject({
      role: 'admin',
      email,
      name: 'Ada',
      added_by: tenant.owner,
    });
    expect((await asOwner(stack, tenant, 'GET', invitationsOf(tenant))).items).toEqual([]);
    expectRefusal(await accept(newPerson('eve'), id, { secret }), 404, 'invitation_not_found');
  });

  it('alone receives the secret: no response, table or log line contains it', async () => {
    const tenant = await makeTenant(stack);
    const { sent, secret } = await mailedInvitation(tenant);
    const listed = await stack.call('GET', invitationsOf(tenant), { as: tenant.owner });
    const everything = [
      JSON.stringify(sent),
      listed.text,
      JSON.stringify(await tables.scan('tenancy')),
      JSON.stringify(stack.sqs.viewOf('notices')),
      stack.logs.join('\n'),
    ].join('\n');
    expect(secret).toHaveLength(43);
    expect(everything).not.toContain(secret);
    expect(everything).not.toContain(Buffer.from(secret, 'base64url').toString('hex'));
  });

  it('cannot use an invitation that was withdrawn, is of another workspace, or came from a removed owner', async () => {
    const [tenant, other] = [await makeTenant(stack), await makeTenant(stack)];
    const first = await mailedInvitation(tenant);
    const second = await mailedInvitation(other);
    const guest = newPerson('guest');
    expectRefusal(await accept(guest, first.id, { secret: second.secret }), 404, 'invitation_not_found');
    expectSuccess(await stack.call('DELETE', `${invitationsOf(tenant)}/${first.id}`, { as: tenant.owner }));
    expectRefusal(await accept(guest, first.id, { secret: first.secret }), 404, 'invitation_not_found');
    await addMember(stack, other, 'owner');
    expectSuccess(await stack.call('DELETE', `${membersOf(other)}/${other.owner}`, { as: other.owner }));
    expectRefusal(await accept(guest, second.id, { secret: second.secret }), 404, 'invitation_not_found');
  });

  it('can accept an invitation once, even if several people try at the same time', async () => {
    const tenant = await makeTenant(stack);
    const { id, secret } = await mailedInvitation(tenant, 'owner');
    const people = Array.from({ length: 4 }, () => newPerson('guest'));
    const answers = await Promise.all(people.map((person) => accept(person, id, { secret })));
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect((await asOwner(stack, tenant, 'GET', membersOf(tenant))).items).toHaveLength(2);
  });

  it('gets the code from the owner if the deployment sends no email', async () => {
    const tenant = await makeTenant(unmailed);
    const body = { email: newAddress(), role: 'viewer' };
    const { mailed, code } = await asOwner(unmailed, tenant, 'POST', invitationsOf(tenant), body);
    expect(mailed).toBe(false);
    const [id, secret] = code.split('.');
    const guest = newPerson('guest');
    const answer = await unmailed.call('POST', `/v1/invitations/${id}/accept`, {
      as: guest,
      body: { secret },
    });
    expect(expectSuccess(answer)).toEqual({ workspace_id: tenant.workspaceId, role: 'viewer' });
  });
});

describe('a removed person', () => {
  it('cannot return with a second invitation or another account, but can be invited again', async () => {
    const tenant = await makeTenant(stack);
    const email = newAddress();
    const invite = async () => {
      await asOwner(stack, tenant, 'POST', invitationsOf(tenant), { email, role: 'admin' });
      await stack.notices.drain();
      const text = mailsTo(stack, email).at(-1)?.text ?? '';
      const [, id = '', secret = ''] = /^(inv_[0-9a-z]+)\.([\w-]+)$/m.exec(text) ?? [];
      return { id, secret };
    };
    const [first, second] = [await invite(), await invite()];
    const ada = newPerson('ada');
    expectSuccess(await accept(ada, first.id, { secret: first.secret }));
    expectSuccess(await stack.call('DELETE', `${membersOf(tenant)}/${ada}`, { as: tenant.owner }));
    for (const person of [ada, newPerson('ada-again')]) {
      const { secret } = second;
      const preview = await stack.call('POST', `/v1/invitations/${second.id}/preview`, {
        as: person,
        body: { secret },
      });
      expectRefusal(preview, 404, 'invitation_not_found');
      expectRefusal(await accept(person, second.id, { secret }), 404, 'invitation_not_found');
    }
    expect((await asOwner(stack, tenant, 'GET', membersOf(tenant))).items).toHaveLength(1);
    const third = await invite();
    expectSuccess(await accept(ada, third.id, { secret: third.secret }));
  });
});

describe('an ID of 1,100 characters in a path', () => {
  it.each([
    ['DELETE', 'invitations/<id>', 'invitation_not_found', undefined],
    ['PATCH', 'webhooks/<id>', 'webhook_not_found', { enabled: false }],
    ['DELETE', 'webhooks/<id>', 'webhook_not_found', undefined],
    ['POST', 'webhooks/<id>/rotate-secret', 'webhook_not_found', {}],
    ['POST', 'webhooks/<id>/test', 'webhook_not_found', {}],
    ['POST', 'deliveries/<id>/send', 'delivery_not_found', {}],
    ['GET', 'members/<id>', 'invalid_request', undefined],
    ['PUT', 'members/<id>', 'invalid_request', { role: 'viewer' }],
    ['DELETE', 'members/<id>', 'invalid_request', undefined],
  ] as const)('%s %s returns %s', async (method, path, code, body) => {
    const { workspaceId, owner } = await makeTenant(stack);
    const full = `/v1/workspaces/${workspaceId}/${path.replace('<id>', 'x'.repeat(1_100))}`;
    const answer = await stack.call(method, full, { as: owner, ...(body !== undefined && { body }) });
    expect(answer.error?.code).toBe(code);
  });

  it.each(['preview', 'accept'])('is reported as an unknown invitation by %s', async (step) => {
    const answer = await stack.call('POST', `/v1/invitations/${'x'.repeat(1_100)}/${step}`, {
      as: newPerson('eve'),
      body: { secret: 'x' },
    });
    expectRefusal(answer, 404, 'invitation_not_found');
  });
});

describe('a new person whom an owner saves as a member', () => {
  it('is only invited: they join when they accept, and nobody else can accept', async () => {
    const tenant = await makeTenant(stack);
    const alice = newPerson('alice');
    const saved = await asOwner(stack, tenant, 'PUT', `${membersOf(tenant)}/${alice}`, { role: 'admin' });
    expect(saved).toMatchObject({ sub: alice, role: 'admin', invitation_id: expect.stringMatching(/^inv_/) });
    expect(expectSuccess(await stack.call('GET', '/v1/workspaces', { as: alice })).items).toEqual([]);
    expectRefusal(await accept(newPerson('eve'), saved.invitation_id, {}), 404, 'invitation_not_found');
    expectSuccess(await accept(alice, saved.invitation_id, {}));
    expect(expectSuccess(await stack.call('GET', '/v1/workspaces', { as: alice })).items).toHaveLength(1);
  });
});

describe('a member of a workspace', () => {
  it.each(['viewer', 'admin', 'owner'] as const)('can leave as %s', async (role) => {
    const tenant = await makeTenant(stack);
    const sub = await addMember(stack, tenant, role);
    expectSuccess(await stack.call('DELETE', `${membersOf(tenant)}/${sub}`, { as: sub }));
    const workspace = `/v1/workspaces/${tenant.workspaceId}`;
    expectRefusal(await stack.call('GET', workspace, { as: sub }), 404, 'workspace_not_found');
  });

  it('is listed under a changed name', async () => {
    const tenant = await makeTenant(stack);
    const viewer = await addMember(stack, tenant, 'viewer');
    const me = `/v1/workspaces/${tenant.workspaceId}/me`;
    expectSuccess(await stack.call('PUT', me, { as: viewer, body: { name: 'Grace' } }));
    const myself = { sub: viewer, name: 'Grace', role: 'viewer' };
    const { items } = await asOwner(stack, tenant, 'GET', membersOf(tenant));
    expect(items).toContainEqual(expect.objectContaining(myself));
    expect(expectSuccess(await stack.call('GET', me, { as: viewer }))).toMatchObject(myself);
  });

  it('who accepted an invitation is not reported as tampering', async () => {
    const tenant = await makeTenant(stack);
    await addMember(stack, tenant, 'owner');
    await mailedInvitation(tenant);
    await stack.streams.drain();
    expect(stack.incidents.tamperings.filter((found) => found.workspaceId === tenant.workspaceId)).toEqual(
      [],
    );
  });
});
