import { describe, expect, it } from '@jest/globals';
import type { Role } from '../../../lambdas/domain/tenancy/workspace.ts';
import { invitePerson } from '../../../lambdas/use-cases/tenancy/invite-person.ts';
import { requireRecentSignIn } from '../../../lambdas/use-cases/tenancy/require-recent-sign-in.ts';
import { saveMember } from '../../../lambdas/use-cases/tenancy/save-member.ts';
import { aMember, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, tenancyWith } from './tenancy-fixture.ts';

const OLD = { ...CALLER, signInIsOld: true };

describe('a recent sign-in', () => {
  it('is required only from a caller with an old sign-in', () => {
    expect(() => requireRecentSignIn(OLD)).toThrow('recent_sign_in_required');
    expect(() => requireRecentSignIn(CALLER)).not.toThrow();
    expect(() => requireRecentSignIn({ ...CALLER, signInIsOld: false })).not.toThrow();
  });

  const MEMBERS: readonly [string, Role][] = [
    [CALLER.sub, 'owner'],
    ['second', 'owner'],
    ['adam', 'admin'],
    ['vera', 'viewer'],
  ];
  const savedBy = async (sub: string, role: Role) => {
    const { table, ports } = tenancyWith({ members: MEMBERS.map(([member, held]) => aMember(held, member)) });
    const outcome = await outcomeOf(saveMember(ports)(OLD, WORKSPACE_ID, sub, role));
    return { outcome, events: table.trail.length };
  };

  it.each([
    ['vera', 'admin'],
    ['vera', 'owner'],
    ['adam', 'owner'],
    ['new', 'admin'],
    ['new', 'owner'],
  ] as const)('is required to raise the role of %s to %s', async (sub, role) => {
    expect(await savedBy(sub, role)).toEqual({ outcome: 'recent_sign_in_required', events: 0 });
  });

  it.each([
    ['second', 'owner'],
    ['second', 'admin'],
    ['adam', 'admin'],
    ['adam', 'viewer'],
    ['vera', 'viewer'],
    ['new', 'viewer'],
  ] as const)('is not required to save %s as %s', async (sub, role) => {
    expect((await savedBy(sub, role)).outcome).toBe('done');
  });

  it.each([
    ['viewer', 'done'],
    ['admin', 'recent_sign_in_required'],
    ['owner', 'recent_sign_in_required'],
  ] as const)('for an invitation as %s ends with %s', async (role, outcome) => {
    const { ports } = tenancyWith({ members: [aMember('owner', CALLER.sub)] });
    const mail = {
      ...ports,
      mailAvailable: false,
      queue: { send: async () => {} },
      limiter: { spend: async () => ({ allowed: true }) as never },
    };
    expect(await outcomeOf(invitePerson(mail)(OLD, WORKSPACE_ID, 'eve@evil.example', role))).toBe(outcome);
  });
});
