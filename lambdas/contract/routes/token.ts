import * as calls from '../calls.ts';
import * as keySchemas from '../keys.ts';
import type { ProblemName } from '../problems.ts';
import type { Routes } from '../route.ts';
import * as sessionSchemas from '../sessions.ts';

/** Both scopes have the same routes. A site's key overrides the workspace's. */
const openAiKeyRoutes = (base: `/v1/${string}`, notFound: ProblemName) => {
  const path = `${base}/openai-key` as const;
  const missing = [notFound, 'openai_key_not_stored'] as const;
  return {
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
  } as const satisfies Routes;
};

const siteKey = openAiKeyRoutes('/v1/sites/{siteId}', 'site_not_found');
const workspaceKey = openAiKeyRoutes('/v1/workspaces/{workspaceId}', 'workspace_not_found');

/**
 * Errors of a request that needs an embed token, a payer and a key. A client secret and a call are admitted in the same
 * way.
 */
const ADMISSION_REFUSALS = [
  'embed_token_invalid',
  'visitor_limit',
  'minutes_exhausted',
  'budget_exhausted',
  'platform_key_missing',
  'openai_key_missing',
  'openai_key_unreadable',
  'openai_key_rejected',
  'openai_key_suspended',
  'busy',
  'openai_quota_exhausted',
  'openai_error',
  'openai_timeout',
] as const;

/** Routes of the token function. */
export const TOKEN_ROUTES = {
  allowTokenOrigin: {
    method: 'OPTIONS',
    path: '/v1/{siteId}/token',
    servedBy: 'token',
    access: 'public',
    summary: 'CORS preflight. Succeeds for an origin that is registered for the site.',
    status: 204,
    refusals: ['invalid_site_id', 'site_not_found', 'origin_not_allowed', 'rate_limited'],
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
      ...ADMISSION_REFUSALS,
    ],
  },
  allowCallOrigin: {
    method: 'OPTIONS',
    path: '/v1/{siteId}/calls',
    servedBy: 'token',
    access: 'public',
    summary: 'CORS preflight. Succeeds for an origin that is registered for the site.',
    status: 204,
    refusals: ['invalid_site_id', 'site_not_found', 'origin_not_allowed', 'rate_limited'],
  },
  openCall: {
    method: 'POST',
    path: '/v1/{siteId}/calls',
    servedBy: 'token',
    access: 'public',
    summary: 'Creates a call at OpenAI for one visitor. The broker can end the call at any time.',
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
      ...ADMISSION_REFUSALS,
    ],
  },
  testSiteKey: siteKey.test,
  testWorkspaceKey: workspaceKey.test,
} as const satisfies Routes;
