import type { LocalIssuer } from './issuer/issuer.ts';

export const DEMO_OWNER = 'demo-owner';
const DEMO_WORKSPACE = 'Demo workspace';
const DEMO_SITE = 'Demo site';
const TOKEN_SECONDS = 12 * 3_600;
/** Maximum number of origins of a site. */
const MAX_ORIGINS = 50;

export interface Demo {
  readonly ownerToken: string;
  readonly workspaceId: string;
  readonly siteId: string;
  readonly allowedOrigin: string;
}

/**
 * A workspace and a site for experiments, created through the API like any owner's. The next start reuses them: an
 * archived site is replaced, and a site of another port also allows this one.
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
  const found = named(await call('GET', `${sites}?limit=100`), DEMO_SITE);
  if (found === undefined) await call('POST', sites, { name: DEMO_SITE, allowed_origins: origins });
  else if (found.allowed_origins?.includes(stack.url) !== true)
    await call('PATCH', `/v1/sites/${found.site_id}`, {
      allowed_origins: [...origins, ...(found.allowed_origins ?? [])].slice(0, MAX_ORIGINS),
    });
  const site = named(await call('GET', `${sites}?limit=100`), DEMO_SITE);
  return {
    ownerToken,
    workspaceId: workspace.workspace_id ?? '',
    siteId: site?.site_id ?? '',
    allowedOrigin: stack.url,
  };
};

interface Answer {
  readonly items?: readonly Answer[];
  readonly name?: string;
  readonly workspace_id?: string;
  readonly site_id?: string;
  readonly allowed_origins?: readonly string[];
}
