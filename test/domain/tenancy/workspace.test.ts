import { describe, expect, it } from '@jest/globals';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import {
  DEFAULT_VOICE_SETTINGS,
  ROLES,
  type Role,
  roleSuffices,
} from '../../../lambdas/domain/tenancy/workspace.ts';

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

describe('a key that belongs to no site', () => {
  it('is tried with the defaults of a new site, without instructions and in no region', () => {
    expect(DEFAULT_VOICE_SETTINGS).toEqual({
      model: 'gpt-realtime-2.1-mini',
      voice: 'marin',
      instructions: '',
      tools: [],
      conversation: DEFAULT_CONVERSATION,
      dataResidency: 'global',
    });
  });
});
