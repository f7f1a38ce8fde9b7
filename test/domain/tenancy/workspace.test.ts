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

  it.each(ROLES)('%s includes the rights of the lesser roles and no others', (held) => {
    expect(ROLES.filter((required) => roleSuffices(held, required))).toEqual(mayDo[held]);
  });

  it.each(['', 'Owner', 'superuser', '__proto__'])('%j does not exist and has no rights', (held) => {
    expect(ROLES.filter((required) => roleSuffices(held as Role, required))).toEqual([]);
  });
});

describe('the check of a key without a site', () => {
  it('uses the defaults of a new site, without instructions and without a region', () => {
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
