import * as keySchemas from '../keys.ts';
import type { ProblemName } from '../problems.ts';
import type { Routes } from '../route.ts';

/** Both scopes have the same routes. A site's key overrides the workspace's. */
const openAiKeyRoutes = (base: `/v1/${string}`, notFound: ProblemName) => {
  const path = `${base}/openai-key` as const;
  const missing = [notFound, 'openai_key_not_stored'] as const;
  return {
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
  } as const satisfies Routes;
};

const siteKey = openAiKeyRoutes('/v1/sites/{siteId}', 'site_not_found');
const workspaceKey = openAiKeyRoutes('/v1/workspaces/{workspaceId}', 'workspace_not_found');

/** Routes of the rotate function. */
export const ROTATE_ROUTES = {
  rotateSiteKey: siteKey.rotate,
  rotateWorkspaceKey: workspaceKey.rotate,
} as const satisfies Routes;
