import type { LocalIssuer } from './issuer/issuer.ts';

export const DEMO_OWNER = 'demo-owner';
const DEMO_WORKSPACE = 'Demo workspace';
const DEMO_SITE = 'Demo site';
const TOKEN_SECONDS = 12 * 3_600;

export interface Demo {
  readonly ownerToken: string;
  readonly workspaceId: string;
  readonly siteId: string;
  readonly allowedOrigin: string;
}

/**
 * A workspace and a site to try things on, made through the API as any owner would. Found again on the next start; a site
 * that was archived meanwhile is replaced.
 */
export const seedDemo = async (stack: {
  readonly url: string;
  readonly issuer: LocalIssuer;
}): Promise<Demo> => {
  const ownerToken = await stack.issuer.issue({ sub: DEMO_OWNER, expiresInSeconds: TOKEN_SECONDS });
  const call = async (method: string, path: string, body?: unknown): Promise<Answer> => {
    const response = await fetch(`${stack.url}${path}`, {
      method,
      headers: { authorization: `Bearer ${ownerToken}`, 'content-type': 'application/json' },
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    const answer = (await response.json()) as { success: boolean; data: Answer; error?: { message: string } };
    if (!answer.success) throw new Error(`Setting up the demo failed: ${answer.error?.message}`);
    return answer.data;
  };
  const named = (answer: Answer, name: string): Answer | undefined =>
    answer.items?.find((item) => item.name === name);

  const workspace =
    named(await call('GET', '/v1/workspaces?limit=100'), DEMO_WORKSPACE) ??
    (await call('POST', '/v1/workspaces', { name: DEMO_WORKSPACE, openai_tier: 2 }));
  const sites = `/v1/workspaces/${workspace.workspace_id}/sites`;
  const origins = [stack.url, stack.url.replace('127.0.0.1', 'localhost')];
  const site =
    named(await call('GET', `${sites}?limit=100`), DEMO_SITE) ??
    (await call('POST', sites, { name: DEMO_SITE, allowed_origins: origins }));
  return {
    ownerToken,
    workspaceId: workspace.workspace_id ?? '',
    siteId: site.site_id ?? '',
    allowedOrigin: site.allowed_origins?.[0] ?? stack.url,
  };
};

interface Answer {
  readonly items?: readonly Answer[];
  readonly name?: string;
  readonly workspace_id?: string;
  readonly site_id?: string;
  readonly allowed_origins?: readonly string[];
}
