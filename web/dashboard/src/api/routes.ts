import type * as z from 'zod';
import type { ROUTES } from '../../../../lambdas/contract/routes.ts';

type Table = typeof ROUTES;
type Address<Id extends keyof Table> = Pick<Table[Id], 'method' | 'path'>;

/**
 * The routes that the dashboard calls. Each is held by its type to the contract's own table: a method or path that
 * differs, or a route that is gone, does not compile.
 */
export const CALLED = {
  listWorkspaces: { method: 'GET', path: '/v1/workspaces' },
  createWorkspace: { method: 'POST', path: '/v1/workspaces' },
  readWorkspace: { method: 'GET', path: '/v1/workspaces/{workspaceId}' },
  changeWorkspace: { method: 'PATCH', path: '/v1/workspaces/{workspaceId}' },
  deleteWorkspace: { method: 'DELETE', path: '/v1/workspaces/{workspaceId}' },
  listMembers: { method: 'GET', path: '/v1/workspaces/{workspaceId}/members' },
  putMember: { method: 'PUT', path: '/v1/workspaces/{workspaceId}/members/{sub}' },
  removeMember: { method: 'DELETE', path: '/v1/workspaces/{workspaceId}/members/{sub}' },
  readMyself: { method: 'GET', path: '/v1/workspaces/{workspaceId}/me' },
  nameMyself: { method: 'PUT', path: '/v1/workspaces/{workspaceId}/me' },
  listInvitations: { method: 'GET', path: '/v1/workspaces/{workspaceId}/invitations' },
  invitePerson: { method: 'POST', path: '/v1/workspaces/{workspaceId}/invitations' },
  removeInvitation: { method: 'DELETE', path: '/v1/workspaces/{workspaceId}/invitations/{invitationId}' },
  readOffer: { method: 'POST', path: '/v1/invitations/{invitationId}/preview' },
  acceptInvitation: { method: 'POST', path: '/v1/invitations/{invitationId}/accept' },
  listApiTokens: { method: 'GET', path: '/v1/workspaces/{workspaceId}/api-tokens' },
  createApiToken: { method: 'POST', path: '/v1/workspaces/{workspaceId}/api-tokens' },
  revokeApiToken: { method: 'DELETE', path: '/v1/workspaces/{workspaceId}/api-tokens/{tokenId}' },
  listErrors: { method: 'GET', path: '/v1/workspaces/{workspaceId}/errors' },
  listAudit: { method: 'GET', path: '/v1/workspaces/{workspaceId}/audit' },
  verifyAudit: { method: 'GET', path: '/v1/workspaces/{workspaceId}/audit/verify' },
  listSites: { method: 'GET', path: '/v1/workspaces/{workspaceId}/sites' },
  createSite: { method: 'POST', path: '/v1/workspaces/{workspaceId}/sites' },
  readSite: { method: 'GET', path: '/v1/sites/{siteId}' },
  changeSite: { method: 'PATCH', path: '/v1/sites/{siteId}' },
  listFormerInstructions: { method: 'GET', path: '/v1/sites/{siteId}/former-instructions' },
  archiveSite: { method: 'DELETE', path: '/v1/sites/{siteId}' },
  viewSiteKey: { method: 'GET', path: '/v1/sites/{siteId}/openai-key' },
  putSiteKey: { method: 'PUT', path: '/v1/sites/{siteId}/openai-key' },
  deleteSiteKey: { method: 'DELETE', path: '/v1/sites/{siteId}/openai-key' },
  testSiteKey: { method: 'POST', path: '/v1/sites/{siteId}/openai-key/test' },
  rotateSiteKey: { method: 'POST', path: '/v1/sites/{siteId}/openai-key/rotate' },
  rollbackSiteKey: { method: 'POST', path: '/v1/sites/{siteId}/openai-key/rollback' },
  listSiteKeyVersions: { method: 'GET', path: '/v1/sites/{siteId}/openai-key/versions' },
  suspendSiteKey: { method: 'POST', path: '/v1/sites/{siteId}/openai-key/suspend' },
  resumeSiteKey: { method: 'POST', path: '/v1/sites/{siteId}/openai-key/resume' },
  viewWorkspaceKey: { method: 'GET', path: '/v1/workspaces/{workspaceId}/openai-key' },
  putWorkspaceKey: { method: 'PUT', path: '/v1/workspaces/{workspaceId}/openai-key' },
  deleteWorkspaceKey: { method: 'DELETE', path: '/v1/workspaces/{workspaceId}/openai-key' },
  testWorkspaceKey: { method: 'POST', path: '/v1/workspaces/{workspaceId}/openai-key/test' },
  rotateWorkspaceKey: { method: 'POST', path: '/v1/workspaces/{workspaceId}/openai-key/rotate' },
  rollbackWorkspaceKey: { method: 'POST', path: '/v1/workspaces/{workspaceId}/openai-key/rollback' },
  listWorkspaceKeyVersions: { method: 'GET', path: '/v1/workspaces/{workspaceId}/openai-key/versions' },
  suspendWorkspaceKey: { method: 'POST', path: '/v1/workspaces/{workspaceId}/openai-key/suspend' },
  resumeWorkspaceKey: { method: 'POST', path: '/v1/workspaces/{workspaceId}/openai-key/resume' },
  listBudgets: { method: 'GET', path: '/v1/workspaces/{workspaceId}/budgets' },
  readWorkspaceBudget: { method: 'GET', path: '/v1/workspaces/{workspaceId}/budget' },
  putWorkspaceBudget: { method: 'PUT', path: '/v1/workspaces/{workspaceId}/budget' },
  removeWorkspaceBudget: { method: 'DELETE', path: '/v1/workspaces/{workspaceId}/budget' },
  readSiteBudget: { method: 'GET', path: '/v1/sites/{siteId}/budget' },
  putSiteBudget: { method: 'PUT', path: '/v1/sites/{siteId}/budget' },
  removeSiteBudget: { method: 'DELETE', path: '/v1/sites/{siteId}/budget' },
  putEmbedKey: { method: 'PUT', path: '/v1/sites/{siteId}/embed-key' },
  removeEmbedKey: { method: 'DELETE', path: '/v1/sites/{siteId}/embed-key' },
  listWebhooks: { method: 'GET', path: '/v1/workspaces/{workspaceId}/webhooks' },
  createWebhook: { method: 'POST', path: '/v1/workspaces/{workspaceId}/webhooks' },
  changeWebhook: { method: 'PATCH', path: '/v1/workspaces/{workspaceId}/webhooks/{webhookId}' },
  removeWebhook: { method: 'DELETE', path: '/v1/workspaces/{workspaceId}/webhooks/{webhookId}' },
  rotateWebhookSecret: {
    method: 'POST',
    path: '/v1/workspaces/{workspaceId}/webhooks/{webhookId}/rotate-secret',
  },
  testWebhook: { method: 'POST', path: '/v1/workspaces/{workspaceId}/webhooks/{webhookId}/test' },
  listDeliveries: { method: 'GET', path: '/v1/workspaces/{workspaceId}/deliveries' },
  sendDeliveryAgain: { method: 'POST', path: '/v1/workspaces/{workspaceId}/deliveries/{deliveryId}/send' },
  readMailAlerts: { method: 'GET', path: '/v1/workspaces/{workspaceId}/mail-alerts' },
  sendMailCode: { method: 'POST', path: '/v1/workspaces/{workspaceId}/mail-alerts/code' },
  confirmMail: { method: 'POST', path: '/v1/workspaces/{workspaceId}/mail-alerts/confirm' },
  changeMailAlerts: { method: 'PATCH', path: '/v1/workspaces/{workspaceId}/mail-alerts' },
  readOverview: { method: 'GET', path: '/v1/workspaces/{workspaceId}/overview' },
  listKeys: { method: 'GET', path: '/v1/workspaces/{workspaceId}/openai-keys' },
  readWorkspaceUsage: { method: 'GET', path: '/v1/workspaces/{workspaceId}/usage' },
  listSessions: { method: 'GET', path: '/v1/sites/{siteId}/sessions' },
  listWorkspaceSessions: { method: 'GET', path: '/v1/workspaces/{workspaceId}/sessions' },
  readSession: { method: 'GET', path: '/v1/sites/{siteId}/sessions/{sessionId}' },
  listLive: { method: 'GET', path: '/v1/workspaces/{workspaceId}/live' },
  endSession: { method: 'POST', path: '/v1/sites/{siteId}/sessions/{sessionId}/end' },
  readConcurrency: { method: 'GET', path: '/v1/workspaces/{workspaceId}/concurrency' },
  readPricing: { method: 'GET', path: '/v1/pricing' },
  compareOwnMonth: { method: 'POST', path: '/v1/workspaces/{workspaceId}/cost-estimate' },
  estimateCost: { method: 'POST', path: '/v1/cost-estimate' },
} as const satisfies { readonly [Id in keyof Table]?: Address<Id> };

export type CalledRoute = keyof typeof CALLED;

/** The names in braces of a path. */
type Names<Path extends string> = Path extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Names<Rest>
  : never;

export type PathOf<Id extends CalledRoute> = { readonly [Name in Names<Table[Id]['path']>]: string };
/** Fields that a caller may leave out get the contract's defaults. */
export type BodyOf<Id extends CalledRoute> = Table[Id] extends { body: infer Body extends z.ZodType }
  ? z.input<Body>
  : undefined;
/** As it stands in the address: text and numbers. */
export type QueryOf<Id extends CalledRoute> = Table[Id] extends { query: infer Query extends z.ZodType }
  ? { readonly [Name in keyof z.output<Query>]?: string | number }
  : undefined;
export type DataOf<Id extends CalledRoute> = Table[Id] extends { data: infer Data extends z.ZodType }
  ? z.output<Data>
  : undefined;

/** Where a request goes; every part of the path is encoded. */
export const pathTo = (path: string, parts: Readonly<Record<string, string>>): string =>
  path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(parts[name] ?? ''));
