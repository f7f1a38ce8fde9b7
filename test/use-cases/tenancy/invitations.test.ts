import { describe, expect, it } from '@jest/globals';
import type { NoticeMessage } from '../../../lambdas/use-cases/ports/notices.ts';
import { acceptInvitation, offeredInvitation } from '../../../lambdas/use-cases/tenancy/accept-invitation.ts';
import {
  invitePerson,
  inviteSub,
  removeInvitation,
} from '../../../lambdas/use-cases/tenancy/invite-person.ts';
import { nameMyself } from '../../../lambdas/use-cases/tenancy/name-myself.ts';
import { removeMember } from '../../../lambdas/use-cases/tenancy/remove-member.ts';
import { aMember, aWorkspace, NOW, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, eventOf, tenancyWith } from './tenancy-fixture.ts';

const ADDRESS = 'ada@customer.example';
const GUEST = { sub: 'ada', sourceIp: '192.0.2.9' };
const WEEK_MS = 7 * 24 * 60 * 60_000;

/** A workspace of the caller's, and what happens to an invitation by mail. */
const world = ({ mailAvailable = true, allowed = true, members = [aMember('owner', CALLER.sub)] } = {}) => {
  const { table, ports } = tenancyWith({ members });
  const queued: NoticeMessage[] = [];
  const asked: unknown[] = [];
  const whole = {
    ...ports,
    mailAvailable,
    queue: { send: async (message: NoticeMessage) => void queued.push(message) },
    limiter: {
      spend: async (...budget: unknown[]) => {
        asked.push(budget);
        return { allowed } as never;
      },
    },
  };
  const invite = () => invitePerson(whole)(CALLER, WORKSPACE_ID, ADDRESS, 'admin');
  const codeOf = async () => {
    const { invitation } = await invite();
    return { id: invitation.invitationId, secret: await ports.secrets.secretOf(invitation) };
  };
  const accept = (id: string, secret?: string, by = GUEST, name?: string) =>
    outcomeOf(acceptInvitation(whole)(by, id, { secret, name }));
  return { table, ports: whole, queued, asked, invite, codeOf, accept };
};

describe('an invitation by mail', () => {
  it('gives no rights, is queued as a mail, and records an event without the address', async () => {
    const { table, queued, asked, invite } = world();
    const { invitation, secret } = await invite();
    expect(secret).toBeNull();
    expect(invitation).toMatchObject({
      email: ADDRESS,
      invitedSub: null,
      role: 'admin',
      invitedBy: CALLER.sub,
      expiresAt: new Date(NOW.getTime() + WEEK_MS).toISOString(),
    });
    const { invitationId } = invitation;
    expect(queued).toEqual([{ kind: 'invitation', workspaceId: WORKSPACE_ID, invitationId }]);
    expect([...table.members.keys()]).toEqual([CALLER.sub]);
    const facts = { invitation: invitationId, role: 'admin' };
    expect(table.trail).toStrictEqual([eventOf('member.invited', { facts })]);
    expect(asked).toEqual([
      [`invitation#${WORKSPACE_ID}`, { perMinute: 50 }, new Date('2026-11-23T23:59:00.000Z')],
    ]);
  });

  it('returns its secret to the owner if the deployment sends no mail', async () => {
    const { queued, invite } = world({ mailAvailable: false });
    const { secret } = await invite();
    expect(secret).toMatch(/^secret of /);
    expect(queued).toEqual([]);
  });

  it('is refused and not stored above the daily limit', async () => {
    const { table, invite } = world({ allowed: false });
    expect(await outcomeOf(invite())).toBe('rate_limited');
    expect(table.invitations.size).toBe(0);
  });

  it('can be sent only by owners', async () => {
    const { invite, asked } = world({ members: [aMember('admin', CALLER.sub)] });
    expect(await outcomeOf(invite())).toBe('forbidden');
    expect(asked).toEqual([]);
  });

  it('can be withdrawn, once', async () => {
    const { table, ports, codeOf, accept } = world();
    const { id, secret } = await codeOf();
    const withdraw = () => outcomeOf(removeInvitation(ports)(CALLER, WORKSPACE_ID, id));
    expect(await withdraw()).toBe('done');
    expect(await withdraw()).toBe('invitation_not_found');
    expect(await accept(id, secret)).toBe('invitation_not_found');
    expect(table.trail.map(({ type }) => type)).toEqual(['member.invited', 'member.invitation_removed']);
  });
});

describe('an invalid invitation ID', () => {
  it.each([
    ['is empty', ''],
    ['has 1,100 characters', `inv_${WORKSPACE_ID}${'0'.repeat(1_084)}`],
    ['has 1,100 characters of four bytes', '\u{1F600}'.repeat(1_100)],
    ['names another workspace', `inv_${'z'.repeat(12)}${'0'.repeat(24)}`],
    ['ends with a line feed', `inv_${WORKSPACE_ID}${'0'.repeat(24)}\n`],
  ])('is not found, without a read, if it %s', async (_, id) => {
    const { ports } = world();
    const invitations = {
      ...ports.invitations,
      readInvitation: () => Promise.reject(new Error('looked for')),
    };
    expect(await outcomeOf(removeInvitation({ ...ports, invitations })(CALLER, WORKSPACE_ID, id))).toBe(
      'invitation_not_found',
    );
  });
});

describe('an invited person', () => {
  it('sees the workspace, the role and the inviter before accepting, and nothing changes', async () => {
    const { table, ports, codeOf } = world();
    const { id, secret } = await codeOf();
    const offer = await offeredInvitation(ports)(GUEST, id, secret);
    expect(offer).toMatchObject({
      workspace: { workspaceId: WORKSPACE_ID },
      inviter: { sub: CALLER.sub, role: 'owner' },
      invitation: { role: 'admin' },
    });
    expect(table.members.size).toBe(1);
  });

  it('becomes a member once, with address and name, and is the actor of the event', async () => {
    const { table, codeOf, accept } = world();
    const { id, secret } = await codeOf();
    expect(await accept(id, secret, GUEST, 'Ada')).toBe('done');
    expect(table.members.get('ada')).toStrictEqual({
      workspaceId: WORKSPACE_ID,
      sub: 'ada',
      role: 'admin',
      addedAt: NOW.toISOString(),
      addedBy: CALLER.sub,
      email: ADDRESS,
      name: 'Ada',
    });
    expect(table.trail.at(-1)).toMatchObject({
      type: 'member.saved',
      actor: 'ada',
      facts: { sub: 'ada', role: 'admin', invitation: id },
    });
    expect(await accept(id, secret, { ...GUEST, sub: 'eve' })).toBe('invitation_not_found');
  });

  it.each([
    ['without a secret', undefined],
    ['with another secret', 'guessed'],
  ])('gets invitation_not_found %s', async (_, secret) => {
    const { table, codeOf, accept } = world();
    const { id } = await codeOf();
    expect(await accept(id, secret)).toBe('invitation_not_found');
    expect(table.members.size).toBe(1);
  });

  it.each(['inv_0', '', `inv_${'0'.repeat(36)}`])('gets invitation_not_found for the ID %p', async (id) => {
    expect(await world().accept(id, 'x')).toBe('invitation_not_found');
  });

  it('cannot accept after seven days', async () => {
    const { ports, codeOf } = world();
    const { id, secret } = await codeOf();
    const at = (ms: number) =>
      outcomeOf(
        offeredInvitation({ ...ports, clock: () => new Date(NOW.getTime() + ms) })(GUEST, id, secret),
      );
    expect(await at(WEEK_MS - 1)).toBe('done');
    expect(await at(WEEK_MS)).toBe('invitation_not_found');
  });

  it('who is already a member keeps the current role', async () => {
    const { table, codeOf, accept } = world({
      members: [aMember('owner', CALLER.sub), aMember('viewer', 'ada')],
    });
    const { id, secret } = await codeOf();
    expect(await accept(id, secret)).toBe('already_member');
    expect(table.members.get('ada')?.role).toBe('viewer');
  });

  it('cannot accept after the inviter is no longer an owner, or the workspace was deleted', async () => {
    const { table, codeOf, accept } = world();
    const { id, secret } = await codeOf();
    table.members.set(CALLER.sub, aMember('admin', CALLER.sub));
    expect(await accept(id, secret)).toBe('invitation_not_found');
    table.members.set(CALLER.sub, aMember('owner', CALLER.sub));
    table.workspaces.set(WORKSPACE_ID, aWorkspace({ deletedAt: NOW.toISOString() }));
    expect(await accept(id, secret)).toBe('invitation_not_found');
  });

  it('by user ID is the only person who can accept, and needs no secret', async () => {
    const { ports, accept } = world();
    const { invitationId } = await inviteSub(ports)(CALLER, WORKSPACE_ID, 'ada', 'owner');
    expect(await accept(invitationId, undefined, { ...GUEST, sub: 'eve' })).toBe('invitation_not_found');
    expect(await accept(invitationId)).toBe('done');
  });
});

describe('a removed person', () => {
  /** Two invitations of one address; the first is accepted, and its member removed. */
  const removed = async () => {
    const it = world();
    const first = await it.codeOf();
    const other = { ...it.ports, random: (size: number) => Buffer.alloc(size, 9) };
    const { invitation } = await invitePerson(other)(CALLER, WORKSPACE_ID, ADDRESS, 'admin');
    const second = { id: invitation.invitationId, secret: await it.ports.secrets.secretOf(invitation) };
    expect(await it.accept(first.id, first.secret)).toBe('done');
    expect(await outcomeOf(removeMember(it.ports)(CALLER, WORKSPACE_ID, 'ada'))).toBe('done');
    return { ...it, second };
  };

  it.each(['ada', 'their second account'])('cannot return with a second invitation as %s', async (sub) => {
    const { table, accept, second } = await removed();
    expect(await accept(second.id, second.secret, { ...GUEST, sub })).toBe('invitation_not_found');
    expect([...table.members.keys()]).toEqual([CALLER.sub]);
  });

  it('cannot return with an earlier invitation by user ID', async () => {
    const { ports, accept } = world({ members: [aMember('owner', CALLER.sub), aMember('viewer', 'ada')] });
    const { invitationId } = await inviteSub(ports)(CALLER, WORKSPACE_ID, 'ada', 'owner');
    expect(await outcomeOf(removeMember(ports)(CALLER, WORKSPACE_ID, 'ada'))).toBe('done');
    expect(await accept(invitationId)).toBe('invitation_not_found');
  });

  it('can be invited again', async () => {
    const { ports, accept } = await removed();
    const later = { ...ports, clock: () => new Date(NOW.getTime() + 1_000) };
    const { invitationId } = await inviteSub(later)(CALLER, WORKSPACE_ID, 'ada', 'viewer');
    expect(await accept(invitationId)).toBe('done');
  });
});

describe('a member who sets a display name', () => {
  it('keeps the role and the address, and the audit trail does not contain the name', async () => {
    const guest = { ...aMember('viewer', 'ada'), email: ADDRESS };
    const { table, ports } = tenancyWith({ members: [aMember('owner', CALLER.sub), guest] });
    expect(await nameMyself(ports)(GUEST, WORKSPACE_ID, 'Ada')).toEqual({ ...guest, name: 'Ada' });
    expect(JSON.stringify(table.trail)).not.toContain('Ada');
    expect(await nameMyself(ports)(GUEST, WORKSPACE_ID, null)).toStrictEqual(guest);
  });

  it('and is removed meanwhile gets workspace_not_found', async () => {
    const { ports } = tenancyWith();
    let reads = 0;
    const readMembership: typeof ports.tenancy.readMembership = async (workspaceId) =>
      ports.tenancy.readMembership(workspaceId, reads++ === 0 ? CALLER.sub : GUEST.sub);
    const tenancy = { ...ports.tenancy, readMembership };
    expect(await outcomeOf(nameMyself({ ...ports, tenancy })(GUEST, WORKSPACE_ID, 'Ada'))).toBe(
      'workspace_not_found',
    );
  });

  it('must be a member', async () => {
    const { ports } = tenancyWith();
    expect(await outcomeOf(nameMyself(ports)(GUEST, WORKSPACE_ID, 'Ada'))).toBe('workspace_not_found');
  });
});
