import * as calls from '../calls.ts';
import * as schemas from '../common.ts';
import * as keySchemas from '../keys.ts';
import type { ProblemName } from '../problems.ts';
import type { Routes } from '../route.ts';
import * as tenancySchemas from '../tenancy.ts';

const PROBE_REFUSALS = ['openai_key_rejected', 'openai_quota_exhausted', 'rate_limited'] as const;

/** Both scopes have the same routes. A site's key overrides the workspace's. */
const openAiKeyRoutes = (of: 'the site' | 'the workspace', base: `/v1/${string}`, notFound: ProblemName) => {
  const path = `${base}/openai-key` as const;
  const missing = [notFound, 'openai_key_not_stored'] as const;
  return {
    view: {
      method: 'GET',
      path,
      servedBy: 'keys',
      access: 'viewer',
      apiTokens: 'viewer',
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
      refusals: [
        'recent_sign_in_required',
        notFound,
        ...PROBE_REFUSALS,
        'openai_key_unverified',
        'version_conflict',
      ],
    },
    delete: {
      method: 'DELETE',
      path,
      servedBy: 'keys',
      access: 'admin',
      summary: `Deletes the key of ${of} and ends its live calls. No later request can use it.`,
      status: 200,
      data: calls.ending,
      refusals: [...missing, 'version_conflict'],
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
      apiTokens: 'viewer',
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
      apiTokens: 'admin',
      summary: 'Suspends the key and ends its live calls. Later mints are refused.',
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
  } as const satisfies Routes;
};

const siteKey = openAiKeyRoutes('the site', '/v1/sites/{siteId}', 'site_not_found');
const workspaceKey = openAiKeyRoutes('the workspace', '/v1/workspaces/{workspaceId}', 'workspace_not_found');

/** Routes of the keys function. */
export const KEYS_ROUTES = {
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
  rollbackSiteKey: siteKey.rollback,
  listSiteKeyVersions: siteKey.versions,
  suspendSiteKey: siteKey.suspend,
  resumeSiteKey: siteKey.resume,
  listKeys: {
    method: 'GET',
    path: '/v1/workspaces/{workspaceId}/openai-keys',
    servedBy: 'keys',
    access: 'viewer',
    apiTokens: 'viewer',
    summary:
      'The stored keys of a workspace and of its sites, masked. A page covers `limit` sites and may be shorter. Continue until there is no cursor.',
    query: schemas.pageQuery,
    status: 200,
    data: schemas.pageOf(keySchemas.listedKey),
    refusals: ['workspace_not_found'],
  },
  viewWorkspaceKey: workspaceKey.view,
  putWorkspaceKey: workspaceKey.put,
  deleteWorkspaceKey: workspaceKey.delete,
  rollbackWorkspaceKey: workspaceKey.rollback,
  listWorkspaceKeyVersions: workspaceKey.versions,
  suspendWorkspaceKey: workspaceKey.suspend,
  resumeWorkspaceKey: workspaceKey.resume,
  endSession: {
    method: 'POST',
    path: '/v1/sites/{siteId}/sessions/{sessionId}/end',
    servedBy: 'keys',
    access: 'admin',
    apiTokens: 'admin',
    summary: 'Ends one call within seconds. A session that has already ended does not change.',
    status: 202,
    data: calls.endedSession,
    refusals: ['site_not_found', 'session_not_found', 'not_endable'],
  },
} as const satisfies Routes;
