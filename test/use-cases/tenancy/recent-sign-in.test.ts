import { describe, expect, it } from '@jest/globals';
import { requireRecentSignIn } from '../../../lambdas/use-cases/tenancy/require-recent-sign-in.ts';
import { saveMember } from '../../../lambdas/use-cases/tenancy/save-member.ts';
import { aMember, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { CALLER, tenancyWith } from './tenancy-fixture.ts';

const OLD = { ...CALLER, signInIsOld: true };

describe('a recent sign-in', () => {
  it('is asked of a caller whose sign-in is old, and of nobody else', () => {
    expect(() => requireRecentSignIn(OLD)).toThrow('recent_sign_in_required');
    expect(() => requireRecentSignIn(CALLER)).not.toThrow();
    expect(() => requireRecentSignIn({ ...CALLER, signInIsOld: false })).not.toThrow();
  });

  it('is needed to make or invite an owner, and not for an owner who stays one', async () => {
    const members = [aMember('owner', CALLER.sub), aMember('owner', 'second'), aMember('viewer', 'ada')];
    const { table, ports } = tenancyWith({ members });
    const save = (sub: string, role: 'owner' | 'admin') =>
      outcomeOf(saveMember(ports)(OLD, WORKSPACE_ID, sub, role));
    expect(await save('ada', 'owner')).toBe('recent_sign_in_required');
    expect(await save('new', 'owner')).toBe('recent_sign_in_required');
    expect(table.trail).toEqual([]);
    expect(await save('ada', 'admin')).toBe('done');
    expect(await save('second', 'owner')).toBe('done');
  });
});
