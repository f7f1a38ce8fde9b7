import { describe, expect, it } from '@jest/globals';
import { invitationIdForSub } from '../../../lambdas/domain/tenancy/invitation.ts';
import { type Member, ROLES, type Role } from '../../../lambdas/domain/tenancy/workspace.ts';
import { removeMember } from '../../../lambdas/use-cases/tenancy/remove-member.ts';
import { saveMember } from '../../../lambdas/use-cases/tenancy/save-member.ts';
import { aMember, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, eventOf, tenancyWith } from './tenancy-fixture.ts';

const OWNER = aMember('owner', CALLER.sub);
/** A person whom another owner added long ago. */
const known = (role: Role): Member => ({
  ...aMember(role, 'known'),
  addedAt: '2026-10-01T00:00:00.000Z',
  addedBy: 'founder',
});

/** A workspace of the caller's and of others, and how each change of its members ended. */
const workspaceOf = (...others: readonly Member[]) => {
  const { table, ports } = tenancyWith({ members: [OWNER, ...others] });
  return {
    trail: table.trail,
    members: () => [...table.members.values()],
    save: (sub: string, role: Role) => saveMember(ports)(CALLER, WORKSPACE_ID, sub, role),
    remove: (sub: string) => outcomeOf(removeMember(ports)(CALLER, WORKSPACE_ID, sub)),
  };
};

describe('a person who is not a member', () => {
  it.each(ROLES)('is invited as %s, and has no rights before accepting', async (role) => {
    const { members, save, trail } = workspaceOf();
    const invitation = invitationIdForSub(WORKSPACE_ID, 'new');
    expect(await save('new', role)).toMatchObject({ invitationId: invitation, invitedSub: 'new', role });
    expect(members()).toStrictEqual([OWNER]);
    const facts = { invitation, role, sub: 'new' };
    expect(trail).toStrictEqual([eventOf('member.invited', { facts })]);
  });
});

describe('saving the role of a member', () => {
  it.each([
    ['viewer', 'admin'],
    ['admin', 'owner'],
    ['owner', 'viewer'],
  ] as const)('from %s to %s keeps who added the member', async (role_before, role) => {
    const { members, save, trail } = workspaceOf(known(role_before));
    expect(await save('known', role)).toStrictEqual({ ...known(role_before), role });
    expect(members()).toStrictEqual([OWNER, { ...known(role_before), role }]);
    expect(trail).toStrictEqual([eventOf('member.saved', { facts: { sub: 'known', role, role_before } })]);
  });

  it('to the same role changes nothing, even for the last owner, and records no event', async () => {
    const { members, save, trail } = workspaceOf(known('viewer'));
    expect(await save('known', 'viewer')).toStrictEqual(known('viewer'));
    expect(await save(CALLER.sub, 'owner')).toStrictEqual(OWNER);
    expect(members()).toStrictEqual([OWNER, known('viewer')]);
    expect(trail).toEqual([]);
  });
});

describe('a member who leaves', () => {
  it.each(['viewer', 'admin'] as const)('may do so as %s, and may remove nobody else', async (role) => {
    const others = [aMember('owner', 'another'), aMember(role, CALLER.sub), known('viewer')];
    const { table, ports } = tenancyWith({ members: others });
    const remove = (sub: string) => outcomeOf(removeMember(ports)(CALLER, WORKSPACE_ID, sub));
    expect(await remove('known')).toBe('forbidden');
    expect(await remove('nobody')).toBe('forbidden');
    expect(await remove(CALLER.sub)).toBe('done');
    expect([...table.members.keys()]).toEqual(['another', 'known']);
  });
});

describe('removing a member', () => {
  it.each(ROLES)('with the role %s records the former role', async (role) => {
    const { members, remove, trail } = workspaceOf(known(role));
    expect(await remove('known')).toBe('done');
    expect(members()).toStrictEqual([OWNER]);
    expect(trail).toStrictEqual([eventOf('member.removed', { facts: { sub: 'known', role_before: role } })]);
  });

  it('returns member_not_found for a person who is not a member', async () => {
    const { remove, trail } = workspaceOf(known('viewer'));
    expect(await remove('nobody')).toBe('member_not_found');
    expect(trail).toEqual([]);
  });
});

describe('the last owner', () => {
  it.each([
    ['become an admin', ({ save }: ReturnType<typeof workspaceOf>) => outcomeOf(save(CALLER.sub, 'admin'))],
    ['be removed', ({ remove }: ReturnType<typeof workspaceOf>) => remove(CALLER.sub)],
  ])('cannot %s, unless there are two owners', async (_, leave) => {
    const alone = workspaceOf(known('admin'));
    expect(await leave(alone)).toBe('last_owner');
    expect(alone.members()).toStrictEqual([OWNER, known('admin')]);
    expect(alone.trail).toEqual([]);
    expect(await leave(workspaceOf(known('owner')))).toBe('done');
  });
});
