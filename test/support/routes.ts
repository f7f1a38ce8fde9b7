import { ROUTES, type Route, type RouteId } from '../../lambdas/contract/routes.ts';
import type { CallOptions, TestAnswer, TestStack } from './stack.ts';
import { fakeKey, type Tenant } from './tenant.ts';

export interface NamedRoute extends Route {
  readonly id: RouteId;
}

/** Every route that asks for a token, from the table that the gateways are made of. */
export const SIGNED_IN_ROUTES: readonly NamedRoute[] = Object.entries(ROUTES)
  .map(([id, route]): NamedRoute => ({ ...(route satisfies Route), id: id as RouteId }))
  .filter(({ access }) => access !== 'public');

/** Routes that need a role in a workspace. */
export const ROLE_ROUTES = SIGNED_IN_ROUTES.filter(({ access }) => access !== 'any');

/** A valid body for the routes that take one. A route that is missing here is called without. */
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

/** A body that a route takes; undefined for one that takes none. */
export const validBodyOf = (id: RouteId): unknown => BODIES[id]?.();

/** Ids that a path can hold. */
export interface Addressed extends Pick<Tenant, 'workspaceId' | 'siteId'> {
  readonly sessionId?: string;
  readonly webhookId?: string;
  readonly deliveryId?: string;
  readonly invitationId?: string;
  readonly tokenId?: string;
}

/** As session ids are, and of no session. */
const NO_SESSION = `ses_${'0'.repeat(26)}`;

/** As their ids are, and of none. */
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

/** Calls a route as a client that knows the contract would. */
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
