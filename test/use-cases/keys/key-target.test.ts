import { describe, expect, it } from '@jest/globals';
import { DEFAULT_CONVERSATION } from '../../../lambdas/domain/tenancy/conversation.ts';
import { authorizeKeyTarget } from '../../../lambdas/use-cases/keys/key-target.ts';
import type { MembershipReader } from '../../../lambdas/use-cases/ports/tenancy.ts';
import { aMember, aSite, aWorkspace, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';

const CALLER = { sub: 'owner', sourceIp: '' };
const membership = {
  workspace: aWorkspace(),
  site: aSite({ model: 'gpt-realtime-2', instructions: 'Be brief.' }),
  member: aMember('owner'),
} as const;
const TENANCY: MembershipReader = {
  readMembership: async () => membership,
  readSiteMembership: async () => membership,
};

describe('the target of a key route', () => {
  it('for a site is the key of the site, which is checked with the session settings of the site', async () => {
    expect(await authorizeKeyTarget(TENANCY, CALLER, { scope: 'site', siteId: SITE_ID }, 'admin')).toEqual({
      address: { scope: 'site', scopeId: SITE_ID, workspaceId: WORKSPACE_ID },
      siteId: SITE_ID,
      settings: membership.site,
    });
  });

  it('for a workspace is its key, which is checked with the settings of a new site, without instructions and region', async () => {
    const target = { scope: 'workspace', workspaceId: WORKSPACE_ID } as const;
    expect(await authorizeKeyTarget(TENANCY, CALLER, target, 'admin')).toEqual({
      address: { scope: 'workspace', scopeId: WORKSPACE_ID, workspaceId: WORKSPACE_ID },
      siteId: undefined,
      settings: {
        model: 'gpt-realtime-2.1-mini',
        voice: 'marin',
        instructions: '',
        tools: [],
        conversation: DEFAULT_CONVERSATION,
        dataResidency: 'global',
      },
    });
  });
});
