import { afterAll, describe, expect, it } from '@jest/globals';
import type { RouteId } from '../../lambdas/contract/routes.ts';
import { ROLES, type Role, roleSuffices } from '../../lambdas/domain/tenancy/workspace.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openedCall } from '../support/calls.ts';
import { tablesAt } from '../support/key-tables.ts';
import { makeFullTenant, makeTenantWith, needed, type TenantPart } from '../support/keyed-tenant.ts';
import { addMember } from '../support/people.ts';
import { callRoute, type NamedRoute, ROLE_ROUTES } from '../support/routes.ts';
import { startTestStack, type TestAnswer } from '../support/stack.ts';
import { fakeKey, makeTenant, putSiteKey, putWorkspaceKey } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});

/** A body without what differs in every answer. */
const withoutRequestId = ({ status, error }: TestAnswer) => ({ status, error: { ...error, request_id: '' } });

const matrix = ROLE_ROUTES.flatMap((route) => ROLES.map((role) => ({ route, role, path: route.path })));
const suffices = (role: Role, access: string): boolean => roleSuffices(role, access as Role);
const allowed = matrix.filter(({ route, role }) => suffices(role, route.access));
const forbidden = matrix.filter(({ route, role }) => !suffices(role, route.access));

/** Changes that leave everything in place which another request of the same person needs. */
const LEAVES_ALL: readonly RouteId[] = [
  'changeMailAlerts',
  'changeSite',
  'changeWorkspace',
  'compareOwnMonth',
  'createApiToken',
  'createSite',
  'createWebhook',
  'invitePerson',
  'nameMyself',
  'putEmbedKey',
  'putMember',
  'putSiteBudget',
  'putSiteKey',
  'putWorkspaceBudget',
  'putWorkspaceKey',
];

/** Parts that must exist because a path names them. A request that lacks one is refused, which fails its test. */
const NAMED_BY: readonly (readonly [RegExp, TenantPart])[] = [
  [/sites.*\/openai-key/, 'siteKey'],
  [/\/budget/, 'budgets'],
  [/\/embed-key/, 'embedKey'],
  [/\/mail-alerts/, 'mail'],
  [/\{(?:webhook|delivery)Id\}/, 'webhook'],
  [/\{invitationId\}/, 'invitation'],
  [/\{tokenId\}/, 'token'],
  [/\{sub\}/, 'member'],
];
const namedBy = ({ path }: NamedRoute): readonly TenantPart[] =>
  NAMED_BY.flatMap(([pattern, part]) => (pattern.test(path) ? [part] : []));

// Requests that change nothing share one tenant, and those of a role that leave everything in place share another one. Each
// other request that is allowed to change something gets a new one, with what its path names.
const prepared = async () => {
  const tenant = await makeFullTenant(stack);
  const [viewer, admin] = [await addMember(stack, tenant, 'viewer'), await addMember(stack, tenant, 'admin')];
  const { owner: stranger } = await makeTenant(stack);
  return { tenant, stranger, people: { viewer, admin, owner: tenant.owner } satisfies Record<Role, string> };
};
const { tenant: unchanged, people, stranger } = await needed(stack, prepared());

/** A tenant, and who has the role in it. */
const withRole = async (role: Role, made: ReturnType<typeof makeTenantWith>) => {
  const tenant = await made;
  return { tenant, as: role === 'owner' ? tenant.owner : await addMember(stack, tenant, role) };
};
const kept = new Map<Role, ReturnType<typeof withRole>>();
const keptTenantOf = (role: Role): ReturnType<typeof withRole> => {
  const tenant = kept.get(role) ?? withRole(role, makeFullTenant(stack));
  kept.set(role, tenant);
  return tenant;
};
const tenantFor = (route: NamedRoute, role: Role): ReturnType<typeof withRole> =>
  LEAVES_ALL.includes(route.id) ? keptTenantOf(role) : withRole(role, makeTenantWith(stack, namedBy(route)));

describe('roles', () => {
  // First: each of these tests reads whole tables, and those below fill them.
  it.each(forbidden)('$role may not $route.method $path, and nothing changes', async ({ route, role }) => {
    const ours = async () =>
      [...(await tables.scan('tenancy')), ...(await tables.scan('keys'))].filter(({ pk }) =>
        String(pk).includes(unchanged.workspaceId),
      );
    const before = await ours();
    const options = { as: people[role], about: unchanged.member };
    expectRefusal(await callRoute(stack, route, unchanged, options), 403, 'forbidden');
    expect(await ours()).toEqual(before);
  });

  it.each(allowed)('$role may $route.method $path', async ({ route, role }) => {
    if (route.method === 'GET') {
      const options = { as: people[role], about: unchanged.member };
      return expectSuccess(await callRoute(stack, route, unchanged, options), route.status);
    }
    const { tenant, as } = await tenantFor(route, role);
    // There is something to go back to only once a key has been replaced.
    if (route.path.endsWith('/rollback')) {
      const put = route.path.includes('{siteId}') ? putSiteKey : putWorkspaceKey;
      expectSuccess(await put(stack, tenant, fakeKey()));
    }
    // Only a brokered call can be ended.
    const call = route.path.endsWith('/end') ? await openedCall(stack, tenant) : undefined;
    const about = { ...tenant, ...(call !== undefined && { sessionId: call.session_id }) };
    const options = { as, ...(tenant.member !== undefined && { about: tenant.member }) };
    expectSuccess(await callRoute(stack, route, about, options), route.status);
  });

  it('are valid only in their own workspace', async () => {
    const mine = await makeFullTenant(stack);
    for (const route of ROLE_ROUTES) {
      const answer = await callRoute(stack, route, unchanged, { as: mine.owner, about: unchanged.member });
      expectRefusal(answer, 404, route.path.includes('{siteId}') ? 'site_not_found' : 'workspace_not_found');
    }
  });
});

describe("another workspace's resource", () => {
  it.each(ROLE_ROUTES)(
    '$method $path answers exactly as for a resource that does not exist',
    async (route) => {
      const nowhere = { workspaceId: '0'.repeat(12), siteId: '0'.repeat(24) };
      const options = { as: stranger, about: unchanged.member };
      const answer = await callRoute(stack, route, unchanged, options);
      expect(answer.status).toBe(404);
      const missing = await callRoute(stack, route, nowhere, options);
      expect(withoutRequestId(answer)).toEqual(withoutRequestId(missing));
      expect([...answer.headers.keys()]).toEqual([...missing.headers.keys()]);
    },
  );
});
