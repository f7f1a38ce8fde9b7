import { randomBytes } from 'node:crypto';
import { makeFakeKey } from '../../local/openai/server.ts';
import type { TestStack } from './stack.ts';
import { setOnWorkspace } from './tables.ts';

export const ORIGIN = 'https://shop.example';

export interface Tenant {
  readonly owner: string;
  readonly workspaceId: string;
  readonly siteId: string;
}

/** A target of requests: a stack, or one container of it. */
export type Caller = Pick<TestStack, 'call'>;

/** A fresh fake key, made at run time; `suffix` chooses a failure that the stand-in plays. */
export const fakeKey = (suffix?: string): string => makeFakeKey(randomBytes, suffix);

/** A workspace with one site, owned by a new person. */
export const makeTenant = async (
  stack: TestStack,
  workspace: Readonly<Record<string, unknown>> = {},
  site: Readonly<Record<string, unknown>> = {},
): Promise<Tenant> => {
  const owner = `owner-${randomBytes(6).toString('hex')}`;
  const create = (settings: Readonly<Record<string, unknown>>) =>
    stack.call('POST', '/v1/workspaces', {
      as: owner,
      body: { name: 'Shop', openai_tier: 3, ...workspace, ...settings },
    });
  const asked = await create({});
  const refused = asked.status === 409;
  const created = refused ? await create({ billing_mode: 'byok' }) : asked;
  const workspaceId: string = created.data.workspace_id;
  // Managed billing without a platform key: the API refuses it, but the key can go away later.
  if (refused) await setOnWorkspace(stack, workspaceId, 'billingMode', 'managed');
  const madeSite = await stack.call('POST', `/v1/workspaces/${workspaceId}/sites`, {
    as: owner,
    body: { name: 'Shop site', allowed_origins: [ORIGIN], ...site },
  });
  return { owner, workspaceId, siteId: madeSite.data.site_id };
};

export const putWorkspaceKey = async (stack: TestStack, tenant: Tenant, key: string) =>
  stack.call('PUT', `/v1/workspaces/${tenant.workspaceId}/openai-key`, {
    as: tenant.owner,
    body: { api_key: key },
  });

export const putSiteKey = async (stack: Caller, tenant: Tenant, key: string) =>
  stack.call('PUT', `/v1/sites/${tenant.siteId}/openai-key`, { as: tenant.owner, body: { api_key: key } });

export const mint = async (stack: Caller, tenant: Tenant, body: unknown = {}, origin = ORIGIN) =>
  stack.call('POST', `/v1/${tenant.siteId}/token`, { origin, body });
