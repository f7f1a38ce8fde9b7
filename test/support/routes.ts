import { ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import type { CallOptions, TestAnswer, TestStack } from './stack.ts';
import { fakeKey, type Tenant } from './tenant.ts';

export interface NamedRoute extends Route {
  readonly id: RouteId;
}

/** Every route that requires a token, from the route table. */
export const SIGNED_IN_ROUTES: readonly NamedRoute[] = Object.entries(ROUTES)
  .map(([id, route]): NamedRoute => ({ ...(route satisfies Route), id: id as RouteId }))
  .filter(({ access }) => access !== 'public');

/** Routes that need a role in a workspace. */
export const ROLE_ROUTES = SIGNED_IN_ROUTES.filter(({ access }) => access !== 'any');

/** Valid bodies of the routes with a body. Other routes are called without one. */
const BODIES: { readonly [Id in RouteId]?: () => unknown } = {
  createWorkspace: () => ({ name: 'New' }),
  changeWorkspace: () => ({ name: 'Renamed' }),
  deleteWorkspace: () => ({ confirm: 'Shop' }),
  putMember: () => ({ role: 'viewer' }),
  nameMyself: () => ({ name: 'Ada' }),
  invitePerson: () => ({ email: 'ada@customer.example', role: 'viewer' }),
  createApiToken: () => ({ name: 'Export', role: 'viewer' }),
  createSite: () => ({ name: 'New', allowed_origins: ['https://new.example'] }),
  changeSite: () => ({ name: 'Renamed' }),
  putSiteKey: () => ({ api_key: fakeKey() }),
  putWorkspaceKey: () => ({ api_key: fakeKey() }),
  putEmbedKey: () => ({ algorithm: 'HS256' }),
  putSiteBudget: () => ({ period: 'month', amount_usd: 50, action: 'notify' }),
  putWorkspaceBudget: () => ({ period: 'month', amount_usd: 50, action: 'notify' }),
  compareOwnMonth: () => ({}),
  confirmMail: () => ({ code: '00000000' }),
  changeMailAlerts: () => ({ events: ['key.suspended'] }),
  createWebhook: () => ({ url: 'https://receiver.example/webhooks' }),
  changeWebhook: () => ({ enabled: false }),
};

/** A valid body of a route; undefined for a route without a body. */
export const validBodyOf = (id: RouteId): unknown => BODIES[id]?.();

/** IDs in a path. */
export interface Addressed extends Pick<Tenant, 'workspaceId' | 'siteId'> {
  readonly sessionId?: string;
  readonly webhookId?: string;
  readonly deliveryId?: string;
  readonly invitationId?: string;
  readonly tokenId?: string;
}

/** In the form of a session ID, but of no session. */
const NO_SESSION = `ses_${'0'.repeat(26)}`;

/** In the form of their IDs, but of no item. */
const NO_WEBHOOK = `whk_${'0'.repeat(20)}`;
const NO_INVITATION = `inv_${'0'.repeat(36)}`;
const NO_TOKEN = `tok_${'0'.repeat(16)}`;
const NO_DELIVERY = `dlv_${'0'.repeat(29)}`;

/** The path of a route with the ids of `tenant`, and `sub` as the member that it is about. */
export const pathOf = ({ path }: Route, tenant: Addressed, sub: string): string =>
  path
    .replace('{workspaceId}', tenant.workspaceId)
    .replace('{siteId}', tenant.siteId)
    .replace('{sessionId}', tenant.sessionId ?? NO_SESSION)
    .replace('{webhookId}', tenant.webhookId ?? NO_WEBHOOK)
    .replace('{invitationId}', tenant.invitationId ?? NO_INVITATION)
    .replace('{tokenId}', tenant.tokenId ?? NO_TOKEN)
    .replace('{deliveryId}', tenant.deliveryId ?? NO_DELIVERY)
    .replace('{sub}', encodeURIComponent(sub));

/** Calls a route like a client that knows the contract. */
export const callRoute = (
  stack: TestStack,
  route: NamedRoute,
  tenant: Addressed,
  options: CallOptions & { readonly about?: string } = {},
): Promise<TestAnswer> => {
  const { about = 'somebody', ...rest } = options;
  const body = validBodyOf(route.id);
  return stack.call(route.method, pathOf(route, tenant, about), {
    ...(body !== undefined && { body }),
    ...rest,
  });
};
