import type * as z from 'zod';
import type { Role } from '../domain/tenancy/workspace.ts';
import * as auditSchemas from './audit.ts';
import * as calls from './calls.ts';
import * as schemas from './common.ts';
import * as keySchemas from './keys.ts';
import { costEstimate, costEstimateRequest, pricing } from './pricing.ts';
import type { ProblemName } from './problems.ts';
import * as sessionSchemas from './sessions.ts';
import * as tenancySchemas from './tenancy.ts';
import * as usage from './usage.ts';

/**
 * The route table. API Gateway's routes, the local server's router, the validation in front of each handler and
 * docs/openapi.json are all made from it; test/contracts holds them together.
 */

/** The deployed function that serves a route. */
export type FunctionName = 'token' | 'events' | 'keys' | 'rotate' | 'audit' | 'manage' | 'usage';

/** How `data` is a table: one record for each object of `list`, one column for each field of `record`. */
export interface CsvTable {
  /** The start of a downloaded file's name, before its ids and its ending. */
  readonly name: string;
  readonly list: 'rows' | 'items';
  readonly record: z.ZodObject;
}

export interface Route {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE' | 'OPTIONS';
  /** In the notation of API Gateway and OpenAPI. */
  readonly path: `/v1/${string}`;
  readonly servedBy: FunctionName;
  /** `public`: no Authorization. Otherwise the least role that a signed-in caller needs; `any`: just signed in. */
  readonly access: 'public' | 'any' | Role;
  readonly summary: string;
  readonly query?: z.ZodObject;
  readonly body?: z.ZodObject;
  /** Without a body it is as with `{}`. */
  readonly optionalBody?: true;
  /** Signed requests prove themselves: they also come as text/plain, which a browser sends without a preflight. */
  readonly signed?: true;
  readonly status: 200 | 201 | 202 | 204;
  /** Shape of `data`; absent for 204. */
  readonly data?: z.ZodType;
  /** Answers `Accept: text/csv` too. */
  readonly csv?: CsvTable;
  /** Refusals beyond those that every route of its access can give. */
  readonly refusals: readonly ProblemName[];
}

const PROBE_REFUSALS = ['openai_key_rejected', 'openai_quota_exhausted', 'rate_limited'] as const;

/** The same routes at both scopes: a site's key overrides the workspace's. */
const openAiKeyRoutes = (of: 'the site' | 'the workspace', base: `/v1/${string}`, notFound: ProblemName) => {
  const path = `${base}/openai-key` as const;
  const missing = [notFound, 'openai_key_not_stored'] as const;
  return {
    view: {
      method: 'GET',
      path,
      servedBy: 'keys',
      access: 'viewer',
      summary: `The key of ${of}, masked.`,
      status: 200,
      data: keySchemas.maskedKey,
      refusals: missing,
    },
    put: {
      method: 'PUT',
      path,
      servedBy: 'keys',
      access: 'admin',
      summary: `Checks a key at OpenAI, then stores or replaces the key of ${of}.`,
      body: keySchemas.putOpenAiKeyRequest,
      status: 200,
      data: keySchemas.maskedKey,
      refusals: [notFound, ...PROBE_REFUSALS, 'openai_key_unverified', 'version_conflict'],
    },
    delete: {
      method: 'DELETE',
      path,
      servedBy: 'keys',
      access: 'admin',
      summary: `Deletes the key of ${of} and ends its live calls. The next request can no longer use it.`,
      status: 200,
      data: calls.ending,
      refusals: [...missing, 'version_conflict'],
    },
    test: {
      method: 'POST',
      path: `${path}/test`,
      servedBy: 'token',
      access: 'admin',
      summary: 'Test voice: mints a client secret with the stored key and discards it. Free of charge.',
      status: 200,
      data: keySchemas.verdict,
      refusals: [...missing, 'openai_key_suspended', 'openai_key_unreadable', 'rate_limited'],
    },
    rotate: {
      method: 'POST',
      path: `${path}/rotate`,
      servedBy: 'rotate',
      access: 'admin',
      summary: 'Re-encrypts the same OpenAI key under a fresh data key.',
      status: 200,
      data: keySchemas.maskedKey,
      refusals: [...missing, 'openai_key_unreadable', 'version_conflict'],
    },
    rollback: {
      method: 'POST',
      path: `${path}/rollback`,
      servedBy: 'keys',
      access: 'admin',
      summary: 'Rolls back to the previous key while it is retained.',
      status: 200,
      data: keySchemas.maskedKey,
      refusals: [...missing, 'no_previous_version', 'version_conflict'],
    },
    versions: {
      method: 'GET',
      path: `${path}/versions`,
      servedBy: 'keys',
      access: 'viewer',
      summary: 'History of the key, newest first.',
      query: schemas.pageQuery,
      status: 200,
      data: schemas.pageOf(keySchemas.keyVersion),
      refusals: [notFound],
    },
    suspend: {
      method: 'POST',
      path: `${path}/suspend`,
      servedBy: 'keys',
      access: 'admin',
      summary: 'Suspends the key and ends its live calls. The next mint is refused.',
      body: calls.endingRequest,
      optionalBody: true,
      status: 200,
      data: keySchemas.maskedKey,
      refusals: [...missing, 'version_conflict'],
    },
    resume: {
      method: 'POST',
      path: `${path}/resume`,
      servedBy: 'keys',
      access: 'admin',
      summary: 'Resumes a suspended key.',
      status: 200,
      data: keySchemas.maskedKey,
      refusals: [...missing, 'version_conflict'],
    },
  } as const satisfies Readonly<Record<string, Route>>;
};

const siteKey = openAiKeyRoutes('the site', '/v1/sites/{siteId}', 'site_not_found');
const workspaceKey = openAiKeyRoutes('the workspace', '/v1/workspaces/{workspaceId}', 'workspace_not_found');

export const ROUTES = {
  allowTokenOrigin: {
    method: 'OPTIONS',
    path: '/v1/{siteId}/token',
    servedBy: 'token',
    access: 'public',
    summary: 'CORS preflight: allowed for an origin that the site has registered.',
    status: 204,
    refusals: ['invalid_site_id', 'site_not_found', 'origin_not_allowed'],
  },
  mintToken: {
    method: 'POST',
    path: '/v1/{siteId}/token',
    servedBy: 'token',
    access: 'public',
    summary: 'Mints a short-lived OpenAI Realtime client secret for one visitor.',
    body: sessionSchemas.tokenRequest,
    status: 200,
    data: sessionSchemas.token,
    refusals: [
      'invalid_site_id',
      'rate_limited',
      'site_not_found',
      'stopped',
      'origin_not_allowed',
      'calls_only',
      'minutes_exhausted',
      'platform_key_missing',
      'openai_key_missing',
      'openai_key_unreadable',
      'openai_key_rejected',
      'openai_key_suspended',
      'busy',
      'openai_quota_exhausted',
      'openai_error',
      'openai_timeout',
    ],
  },
  allowCallOrigin: {
    method: 'OPTIONS',
    path: '/v1/{siteId}/calls',
    servedBy: 'token',
    access: 'public',
    summary: 'CORS preflight: allowed for an origin that the site has registered.',
    status: 204,
    refusals: ['invalid_site_id', 'site_not_found', 'origin_not_allowed'],
  },
  openCall: {
    method: 'POST',
    path: '/v1/{siteId}/calls',
    servedBy: 'token',
    access: 'public',
    summary: 'Creates a call at OpenAI for one visitor, which the broker can end at any time.',
    body: calls.callRequest,
    status: 201,
    data: calls.call,
    refusals: [
      'invalid_site_id',
      'invalid_offer',
      'rate_limited',
      'site_not_found',
      'stopped',
      'origin_not_allowed',
      'invalid_signature',
      'minutes_exhausted',
      'platform_key_missing',
      'openai_key_missing',
      'openai_key_unreadable',
      'openai_key_rejected',
      'openai_key_suspended',
      'busy',
      'openai_quota_exhausted',
      'openai_error',
      'openai_timeout',
    ],
  },
  allowEventsOrigin: {
    method: 'OPTIONS',
    path: '/v1/{siteId}/sessions/{sessionId}/events',
    servedBy: 'events',
    access: 'public',
    summary: 'CORS preflight: allowed for an origin that the site has registered.',
    status: 204,
    refusals: ['invalid_site_id', 'site_not_found', 'origin_not_allowed'],
  },
  reportEvents: {
    method: 'POST',
    path: '/v1/{siteId}/sessions/{sessionId}/events',
    servedBy: 'events',
    access: 'public',
    summary: 'Reports events of a session, signed with its signing secret.',
    query: sessionSchemas.eventsQuery,
    body: sessionSchemas.eventsRequest,
    signed: true,
    status: 200,
    data: sessionSchemas.eventsReceipt,
    refusals: [
      'invalid_site_id',
      'invalid_signature',
      'session_not_found',
      'origin_not_allowed',
      'rate_limited',
    ],
  },
  createWorkspace: {
    method: 'POST',
    path: '/v1/workspaces',
    servedBy: 'manage',
    access: 'any',
    summary: 'Creates a workspace; the caller becomes its owner.',
    body: tenancySchemas.createWorkspaceRequest,
    status: 201,
    data: tenancySchemas.workspace,
    refusals: ['rate_limited', 'managed_unavailable'],
  },
  listWorkspaces: {
    method: 'GET',
    path: '/v1/workspaces',
    servedBy: 'manage',
    access: 'any',
    summary: 'The workspaces that the caller is a member of.',
    query: schemas.pageQuery,
    status: 200,
    data: schemas.pageOf(tenancySchemas.listedWorkspace),
    refusals: [],
  },
  readWorkspace: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}',
    servedBy: 'manage',
    access: 'viewer',
    summary: 'One workspace.',
    status: 200,
    data: tenancySchemas.workspace,
    refusals: ['workspace_not_found'],
  },
  changeWorkspace: {
    method: 'PATCH',
    path: '/v1/workspaces/{workspaceId}',
    servedBy: 'manage',
    access: 'owner',
    summary: 'Changes settings, including who pays OpenAI (billing_mode). Applies to new sessions.',
    body: tenancySchemas.changeWorkspaceRequest,
    status: 200,
    data: tenancySchemas.workspace,
    refusals: ['workspace_not_found', 'managed_unavailable', 'version_conflict'],
  },
  deleteWorkspace: {
    method: 'DELETE',
    path: '/v1/workspaces/{workspaceId}',
    servedBy: 'keys',
    access: 'owner',
    summary: 'Deletes a workspace: stops mints, shreds keys, archives sites.',
    body: tenancySchemas.deleteWorkspaceRequest,
    status: 200,
    data: calls.ending,
    refusals: ['workspace_not_found', 'version_conflict'],
  },
  listMembers: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/members',
    servedBy: 'manage',
    access: 'owner',
    summary: 'The members of a workspace.',
    query: schemas.pageQuery,
    status: 200,
    data: schemas.pageOf(tenancySchemas.member),
    refusals: ['workspace_not_found'],
  },
  readMember: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/members/{sub}',
    servedBy: 'manage',
    access: 'owner',
    summary: 'One member.',
    status: 200,
    data: tenancySchemas.member,
    refusals: ['workspace_not_found', 'member_not_found'],
  },
  putMember: {
    method: 'PUT',
    path: '/v1/workspaces/{workspaceId}/members/{sub}',
    servedBy: 'manage',
    access: 'owner',
    summary: 'Adds a member or changes a role.',
    body: tenancySchemas.memberRequest,
    status: 200,
    data: tenancySchemas.member,
    refusals: ['workspace_not_found', 'last_owner', 'version_conflict'],
  },
  removeMember: {
    method: 'DELETE',
    path: '/v1/workspaces/{workspaceId}/members/{sub}',
    servedBy: 'manage',
    access: 'owner',
    summary: 'Removes a member. Takes effect on their next request.',
    status: 200,
    data: schemas.deleted,
    refusals: ['workspace_not_found', 'member_not_found', 'last_owner', 'version_conflict'],
  },
  listAudit: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/audit',
    servedBy: 'audit',
    access: 'owner',
    summary:
      'The audit trail, newest first. A page may be shorter than its limit. Continue while there is a cursor.',
    query: auditSchemas.auditQuery,
    status: 200,
    data: auditSchemas.auditPage,
    refusals: ['workspace_not_found'],
  },
  verifyAudit: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/audit/verify',
    servedBy: 'audit',
    access: 'owner',
    summary:
      'Checks the hash chain of the audit trail and names the first row that was changed. Pass the cursor to continue a long chain.',
    query: auditSchemas.verifyQuery,
    status: 200,
    data: auditSchemas.auditVerification,
    refusals: ['workspace_not_found'],
  },
  listSites: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/sites',
    servedBy: 'manage',
    access: 'viewer',
    summary: 'The sites of a workspace.',
    query: schemas.pageQuery,
    status: 200,
    data: schemas.pageOf(tenancySchemas.site),
    refusals: ['workspace_not_found'],
  },
  createSite: {
    method: 'POST',
    path: '/v1/workspaces/{workspaceId}/sites',
    servedBy: 'manage',
    access: 'admin',
    summary: 'Creates a site.',
    body: tenancySchemas.createSiteRequest,
    status: 201,
    data: tenancySchemas.site,
    refusals: ['workspace_not_found', 'site_limit_reached', 'version_conflict'],
  },
  readSite: {
    method: 'GET',
    path: '/v1/sites/{siteId}',
    servedBy: 'manage',
    access: 'viewer',
    summary: 'One site.',
    status: 200,
    data: tenancySchemas.site,
    refusals: ['site_not_found'],
  },
  changeSite: {
    method: 'PATCH',
    path: '/v1/sites/{siteId}',
    servedBy: 'manage',
    access: 'admin',
    summary: 'Changes settings. They apply to new sessions.',
    body: tenancySchemas.changeSiteRequest,
    status: 200,
    data: tenancySchemas.site,
    refusals: ['site_not_found', 'version_conflict'],
  },
  archiveSite: {
    method: 'DELETE',
    path: '/v1/sites/{siteId}',
    servedBy: 'keys',
    access: 'admin',
    summary: "Archives a site and shreds its own key; the workspace's key stays.",
    status: 200,
    data: calls.ending,
    refusals: ['site_not_found', 'version_conflict'],
  },
  viewSiteKey: siteKey.view,
  putSiteKey: siteKey.put,
  deleteSiteKey: siteKey.delete,
  testSiteKey: siteKey.test,
  rotateSiteKey: siteKey.rotate,
  rollbackSiteKey: siteKey.rollback,
  listSiteKeyVersions: siteKey.versions,
  suspendSiteKey: siteKey.suspend,
  resumeSiteKey: siteKey.resume,
  viewWorkspaceKey: workspaceKey.view,
  putWorkspaceKey: workspaceKey.put,
  deleteWorkspaceKey: workspaceKey.delete,
  testWorkspaceKey: workspaceKey.test,
  rotateWorkspaceKey: workspaceKey.rotate,
  rollbackWorkspaceKey: workspaceKey.rollback,
  listWorkspaceKeyVersions: workspaceKey.versions,
  suspendWorkspaceKey: workspaceKey.suspend,
  resumeWorkspaceKey: workspaceKey.resume,
  readWorkspaceUsage: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/usage',
    servedBy: 'usage',
    access: 'viewer',
    summary: 'Usage of a workspace: sessions, minutes, tokens, cost and plan (docs/usage.md).',
    query: usage.usageQuery,
    status: 200,
    data: usage.usage,
    csv: { name: 'usage', list: 'rows', record: usage.usageRow },
    refusals: ['workspace_not_found'],
  },
  readSiteUsage: {
    method: 'GET',
    path: '/v1/sites/{siteId}/usage',
    servedBy: 'usage',
    access: 'viewer',
    summary: 'Usage of one site. The plan is that of the whole workspace.',
    query: usage.usageQuery,
    status: 200,
    data: usage.usage,
    csv: { name: 'usage', list: 'rows', record: usage.usageRow },
    refusals: ['site_not_found'],
  },
  listSessions: {
    method: 'GET',
    path: '/v1/sites/{siteId}/sessions',
    servedBy: 'usage',
    access: 'viewer',
    summary:
      'The sessions of a site, newest first, each with its receipt. A page may be shorter than its limit. Continue while there is a cursor.',
    query: usage.sessionsQuery,
    status: 200,
    data: schemas.pageOf(usage.session),
    csv: { name: 'sessions', list: 'items', record: usage.session },
    refusals: ['site_not_found'],
  },
  readSession: {
    method: 'GET',
    path: '/v1/sites/{siteId}/sessions/{sessionId}',
    servedBy: 'usage',
    access: 'viewer',
    summary: 'One session with its receipt: payer, key version, price version, usage, cost.',
    status: 200,
    data: usage.session,
    refusals: ['site_not_found', 'session_not_found'],
  },
  endSession: {
    method: 'POST',
    path: '/v1/sites/{siteId}/sessions/{sessionId}/end',
    servedBy: 'keys',
    access: 'admin',
    summary: 'Ends one call, within seconds. A session that has ended stays as it is.',
    status: 202,
    data: calls.endedSession,
    refusals: ['site_not_found', 'session_not_found', 'not_endable'],
  },
  listLive: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/live',
    servedBy: 'usage',
    access: 'viewer',
    summary: 'The sessions that run at this moment, and which of them can be ended.',
    status: 200,
    data: calls.liveSessions,
    refusals: ['workspace_not_found'],
  },
  listErrors: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/errors',
    servedBy: 'usage',
    access: 'viewer',
    summary:
      'Why visitors could not talk, newest first. Repeats within a minute are grouped. A page may be shorter than its limit. Continue while there is a cursor.',
    query: usage.errorsQuery,
    status: 200,
    data: schemas.pageOf(sessionSchemas.errorRow),
    csv: { name: 'errors', list: 'items', record: sessionSchemas.errorRow },
    refusals: ['workspace_not_found'],
  },
  readConcurrency: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/concurrency',
    servedBy: 'usage',
    access: 'viewer',
    summary: 'Active sessions per OpenAI key and site, and the limit of each key.',
    status: 200,
    data: usage.concurrency,
    refusals: ['workspace_not_found'],
  },
  compareOwnMonth: {
    method: 'POST',
    path: '/v1/workspaces/{workspaceId}/cost-estimate',
    servedBy: 'usage',
    access: 'viewer',
    summary: 'Compares a month of the workspace: cost with your own key and on each plan.',
    body: usage.ownMonthRequest,
    status: 200,
    data: usage.ownMonth,
    refusals: ['workspace_not_found'],
  },
  readPricing: {
    method: 'GET',
    path: '/v1/pricing',
    servedBy: 'usage',
    access: 'public',
    summary: 'The price catalogue of OpenAI Realtime models, with sources, and the plans.',
    status: 200,
    data: pricing,
    refusals: [],
  },
  estimateCost: {
    method: 'POST',
    path: '/v1/cost-estimate',
    servedBy: 'usage',
    access: 'public',
    summary: 'Cost calculator: your own OpenAI key compared with each plan (docs/pricing.md).',
    body: costEstimateRequest,
    status: 200,
    data: costEstimate,
    refusals: ['rate_limited'],
  },
  health: {
    method: 'GET',
    path: '/v1/health',
    servedBy: 'manage',
    access: 'public',
    summary: 'Whether the service answers, and its version.',
    status: 200,
    data: schemas.health,
    refusals: [],
  },
} as const satisfies Readonly<Record<string, Route>>;

export type RouteId = keyof typeof ROUTES;

/** `POST /v1/{siteId}/token`, as API Gateway names a route. */
export const routeKeyOf = (route: Pick<Route, 'method' | 'path'>): string => `${route.method} ${route.path}`;

/** Errors that any route of this access may answer, in addition to its own list. */
export const commonRefusals = (route: Route): readonly ProblemName[] => [
  'unavailable',
  // Also where nothing is taken: a body or a query that does not belong there is refused.
  'invalid_request',
  ...(route.access === 'public' ? [] : (['unauthorized'] as const)),
  ...(route.access === 'public' || route.access === 'any' ? [] : (['forbidden'] as const)),
];
