import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import {
  ROLES,
  type Role,
  roleSuffices,
  type SiteMembership,
} from '../../../lambdas/domain/tenancy/workspace.ts';
import { listAuditTrail } from '../../../lambdas/use-cases/audit/list-audit-trail.ts';
import { verifyAuditTrail } from '../../../lambdas/use-cases/audit/verify-audit-trail.ts';
import { deleteOpenAiKey } from '../../../lambdas/use-cases/keys/delete-openai-key.ts';
import { listKeyVersions } from '../../../lambdas/use-cases/keys/list-key-versions.ts';
import { listOpenAiKeys } from '../../../lambdas/use-cases/keys/list-openai-keys.ts';
import { reencryptOpenAiKey } from '../../../lambdas/use-cases/keys/reencrypt-openai-key.ts';
import { rollBackOpenAiKey } from '../../../lambdas/use-cases/keys/roll-back-openai-key.ts';
import { storeOpenAiKey } from '../../../lambdas/use-cases/keys/store-openai-key.ts';
import { switchOpenAiKey } from '../../../lambdas/use-cases/keys/switch-openai-key.ts';
import { testOpenAiKey } from '../../../lambdas/use-cases/keys/test-openai-key.ts';
import { viewOpenAiKey } from '../../../lambdas/use-cases/keys/view-openai-key.ts';
import type { MembershipReader } from '../../../lambdas/use-cases/ports/tenancy.ts';
import { listErrors } from '../../../lambdas/use-cases/sessions/list-errors.ts';
import { listSessions } from '../../../lambdas/use-cases/sessions/list-sessions.ts';
import { readConcurrency } from '../../../lambdas/use-cases/sessions/read-concurrency.ts';
import { readSession } from '../../../lambdas/use-cases/sessions/read-session.ts';
import { archiveSite } from '../../../lambdas/use-cases/tenancy/archive-site.ts';
import { authorizeSite, authorizeWorkspace } from '../../../lambdas/use-cases/tenancy/authorize.ts';
import { changeSite } from '../../../lambdas/use-cases/tenancy/change-site.ts';
import { changeWorkspace } from '../../../lambdas/use-cases/tenancy/change-workspace.ts';
import { createSite } from '../../../lambdas/use-cases/tenancy/create-site.ts';
import { deleteWorkspace } from '../../../lambdas/use-cases/tenancy/delete-workspace.ts';
import { removeInvitation } from '../../../lambdas/use-cases/tenancy/invite-person.ts';
import { removeMember } from '../../../lambdas/use-cases/tenancy/remove-member.ts';
import { saveMember } from '../../../lambdas/use-cases/tenancy/save-member.ts';
import { compareOwnMonth } from '../../../lambdas/use-cases/usage/compare-own-month.ts';
import { readOverview } from '../../../lambdas/use-cases/usage/read-overview.ts';
import { readUsage } from '../../../lambdas/use-cases/usage/read-usage.ts';
import {
  aMember,
  aSite,
  aWorkspace,
  NOW,
  SETTINGS,
  SITE_ID,
  WORKSPACE_ID,
} from '../sessions/token-fixture.ts';

const CALLER = { sub: 'somebody', sourceIp: '192.0.2.1' };
const SESSION_ID = `ses_${'0'.repeat(26)}`;
const PAGE = { limit: 10, after: undefined };
const ON_WORKSPACE = { scope: 'workspace', workspaceId: WORKSPACE_ID } as const;
const ON_SITE = { scope: 'site', siteId: SITE_ID } as const;

/** The way on, past the authorization. */
class Admitted extends Error {}

// biome-ignore lint/suspicious/noExplicitAny: stands for the ports of every use case.
type AnyPorts = any;

/** Membership as given; whatever else is asked for means that the caller was let in. */
const portsBehind = (membership: SiteMembership): AnyPorts => {
  const tenancy = { readMembership: async () => membership, readSiteMembership: async () => membership };
  const admit = (known: Readonly<Record<string, unknown>>): unknown =>
    new Proxy(known, {
      get: (target, name) =>
        name in target
          ? target[String(name)]
          : async () => {
              throw new Admitted();
            },
    });
  const anyPort = admit({});
  return new Proxy(
    {
      tenancy: admit(tenancy),
      clock: () => NOW,
      random: (size: number) => Buffer.alloc(size),
      plans: SETTINGS.plans,
    },
    { get: (target, name) => Reflect.get(target, name) ?? anyPort },
  );
};

const onKey = (of: (ports: AnyPorts) => (caller: typeof CALLER, target: never) => Promise<unknown>) =>
  [ON_WORKSPACE, ON_SITE].map((target) => (ports: AnyPorts) => of(ports)(CALLER, target as never));

type Play = (ports: AnyPorts) => Promise<unknown>;

/** Who may do what, as the contract has it. A use case of keys is played at both scopes. */
const NEEDED: readonly (readonly [name: string, role: Role, plays: readonly Play[]])[] = [
  ['view a key', 'viewer', onKey(viewOpenAiKey)],
  [
    'list the versions of a key',
    'viewer',
    onKey((ports) => (caller, target) => listKeyVersions(ports)(caller, target, PAGE)),
  ],
  ['list errors', 'viewer', [(ports) => listErrors(ports)(CALLER, WORKSPACE_ID, {}, PAGE)]],
  ['list sessions', 'viewer', [(ports) => listSessions(ports)(CALLER, SITE_ID, {}, PAGE)]],
  ['read a session', 'viewer', [(ports) => readSession(ports)(CALLER, SITE_ID, SESSION_ID)]],
  ['read concurrency', 'viewer', [(ports) => readConcurrency(ports)(CALLER, WORKSPACE_ID)]],
  ['read the overview', 'viewer', [(ports) => readOverview(ports)(CALLER, WORKSPACE_ID, undefined)]],
  ['list keys', 'viewer', [(ports) => listOpenAiKeys(ports)(CALLER, WORKSPACE_ID, PAGE)]],
  [
    'read usage',
    'viewer',
    [
      (ports) => readUsage(ports)(CALLER, { workspaceId: WORKSPACE_ID }, { groupBy: [] }),
      (ports) => readUsage(ports)(CALLER, { siteId: SITE_ID }, { groupBy: [] }),
    ],
  ],
  ['replay a month', 'viewer', [(ports) => compareOwnMonth(ports)(CALLER, WORKSPACE_ID, undefined)]],
  [
    'store a key',
    'admin',
    onKey(
      (ports) => (caller, target) =>
        storeOpenAiKey(ports, SETTINGS.rateLimits)(caller, target, `sk-${'a'.repeat(40)}`),
    ),
  ],
  ['test a key', 'admin', onKey((ports) => testOpenAiKey(ports, SETTINGS.rateLimits))],
  ['delete a key', 'admin', onKey(deleteOpenAiKey)],
  [
    'suspend a key',
    'admin',
    onKey((ports) => (caller, target) => switchOpenAiKey(ports)(caller, target, 'suspended')),
  ],
  ['roll a key back', 'admin', onKey((ports) => rollBackOpenAiKey(ports, 60))],
  ['re-encrypt a key', 'admin', onKey(reencryptOpenAiKey)],
  ['create a site', 'admin', [(ports) => createSite(ports)(CALLER, WORKSPACE_ID, aSite())]],
  ['change a site', 'admin', [(ports) => changeSite(ports)(CALLER, SITE_ID, {})]],
  ['archive a site', 'admin', [(ports) => archiveSite(ports)(CALLER, SITE_ID)]],
  ['change a workspace', 'owner', [(ports) => changeWorkspace(ports)(CALLER, WORKSPACE_ID, {})]],
  ['delete a workspace', 'owner', [(ports) => deleteWorkspace(ports)(CALLER, WORKSPACE_ID, 'Shop')]],
  ['save a member', 'owner', [(ports) => saveMember(ports)(CALLER, WORKSPACE_ID, 'another', 'viewer')]],
  ['remove a member', 'owner', [(ports) => removeMember(ports)(CALLER, WORKSPACE_ID, 'another')]],
  [
    'withdraw an invitation',
    'owner',
    [(ports) => removeInvitation(ports)(CALLER, WORKSPACE_ID, `inv_${WORKSPACE_ID}${'0'.repeat(24)}`)],
  ],
  ['list the audit trail', 'owner', [(ports) => listAuditTrail(ports)(CALLER, WORKSPACE_ID, {}, PAGE)]],
  ['verify the audit trail', 'owner', [(ports) => verifyAuditTrail(ports)(CALLER, WORKSPACE_ID, PAGE)]],
];

const memberAs = (role: Role) => ({
  workspace: aWorkspace({ siteCount: 0 }),
  site: aSite(),
  member: aMember(role),
});

const outcomeOf = async (attempt: Promise<unknown>): Promise<string> => {
  try {
    await attempt;
    return 'admitted';
  } catch (error) {
    if (error instanceof Admitted) return 'admitted';
    if (error instanceof BrokerError) return error.code;
    throw error;
  }
};

describe('the authorisation of a use case', () => {
  it.each(NEEDED)(
    '%s requires %s, and refuses a lower role before anything is read',
    async (_, needed, plays) => {
      for (const play of plays)
        for (const role of ROLES)
          expect([role, await outcomeOf(play(portsBehind(memberAs(role))))]).toEqual([
            role,
            roleSuffices(role, needed) ? 'admitted' : 'forbidden',
          ]);
    },
  );

  it.each(NEEDED)('%s answers not found to everyone except members', async (_, _role, plays) => {
    for (const play of plays) {
      const answer = await outcomeOf(play(portsBehind({ ...memberAs('owner'), member: undefined })));
      expect(['site_not_found', 'workspace_not_found']).toContain(answer);
    }
  });
});

describe('a resource that does not exist for the caller', () => {
  const asked = async (membership: SiteMembership): Promise<readonly string[]> => {
    const { tenancy }: { readonly tenancy: MembershipReader } = portsBehind(membership);
    return [
      await outcomeOf(authorizeWorkspace(tenancy, CALLER, WORKSPACE_ID, 'viewer')),
      await outcomeOf(authorizeSite(tenancy, CALLER, SITE_ID, 'viewer')),
    ];
  };
  const missing = ['workspace_not_found', 'site_not_found'];

  it('can be a workspace that does not exist, is deleted, or belongs to others', async () => {
    const owner = memberAs('owner');
    expect(await asked(owner)).toEqual(['admitted', 'admitted']);
    expect(await asked({ ...owner, workspace: undefined })).toEqual(missing);
    expect(
      await asked({ ...owner, workspace: aWorkspace({ deletedAt: '2026-11-23T00:00:00.000Z' }) }),
    ).toEqual(missing);
    expect(await asked({ ...owner, member: undefined })).toEqual(missing);
  });

  it('can be a site that does not exist, for any role', async () => {
    for (const role of ROLES)
      expect(await asked({ ...memberAs(role), site: undefined })).toEqual(['admitted', 'site_not_found']);
  });
});
