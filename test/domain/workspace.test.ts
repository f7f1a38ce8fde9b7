import { describe, expect, it } from '@jest/globals';
import { ROLES, type Role, roleSuffices } from '../../lambdas/domain/workspace.ts';

describe('a role', () => {
  const mayDo: Record<Role, readonly Role[]> = {
    viewer: ['viewer'],
    admin: ['viewer', 'admin'],
    owner: ['viewer', 'admin', 'owner'],
  };

  it.each(ROLES)('%s may do what it and the lesser roles may, and nothing else', (held) => {
    expect(ROLES.filter((required) => roleSuffices(held, required))).toEqual(mayDo[held]);
  });

  it.each(['', 'Owner', 'superuser', '__proto__'])(
    '%j, which nobody can hold, suffices for nothing',
    (held) => {
      expect(ROLES.filter((required) => roleSuffices(held as Role, required))).toEqual([]);
    },
  );
});
