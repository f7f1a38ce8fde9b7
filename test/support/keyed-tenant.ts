import { expect } from '@jest/globals';
import { expectSuccess } from './answers.ts';
import { verifyMail } from './mail.ts';
import { openAiOf } from './openai.ts';
import { addMember } from './people.ts';
import { putOnPlan } from './plan.ts';
import type { TestStack } from './stack.ts';
import { fakeKey, makeTenant, mint, ORIGIN, putSiteKey, putWorkspaceKey, type Tenant } from './tenant.ts';

export interface KeyedTenant extends Tenant {
  /** The workspace's OpenAI key. */
  readonly key: string;
}

type Settings = Readonly<Record<string, unknown>>;

/** A tenant whose workspace has a key. The logs of KMS and OpenAI are cleared afterwards. */
export const makeKeyedTenant = async (
  stack: TestStack,
  workspace: Settings = {},
  site: Settings = {},
  key = fakeKey(),
): Promise<KeyedTenant> => {
  const tenant = await makeTenant(stack, workspace, site);
  expectSuccess(await putWorkspaceKey(stack, tenant, key));
  stack.openAi?.clearRequests();
  stack.kms.clearCalls();
  return { ...tenant, key };
};

type Prepare = (stack: TestStack, tenant: KeyedTenant) => Promise<Readonly<Record<string, string>>>;

/** Everything that a route can be about, in the order in which it is made; each step returns the ids that it made. */
const PARTS = {
  siteKey: async (stack, tenant) => {
    expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
    return {};
  },
  budgets: async (stack, tenant) => {
    const budget = { period: 'month', amount_usd: 1_000, action: 'notify' };
    for (const path of [`/v1/sites/${tenant.siteId}`, `/v1/workspaces/${tenant.workspaceId}`])
      await asOwner(stack, tenant, 'PUT', `${path}/budget`, budget);
    return {};
  },
  embedKey: async (stack, tenant) => {
    await asOwner(stack, tenant, 'PUT', `/v1/sites/${tenant.siteId}/embed-key`, { algorithm: 'HS256' });
    return {};
  },
  session: async (stack, tenant) => ({ sessionId: expectSuccess(await mint(stack, tenant)).session_id }),
  mail: async (stack, tenant) => {
    await verifyMail(stack, tenant);
    return {};
  },
  webhook: async (stack, tenant) => {
    const webhooks = `/v1/workspaces/${tenant.workspaceId}/webhooks`;
    const body = { url: 'https://receiver.invalid/webhooks' };
    const { webhook_id: webhookId } = await asOwner(stack, tenant, 'POST', webhooks, body);
    const sent = await stack.call('POST', `${webhooks}/${webhookId}/test`, { as: tenant.owner });
    return { webhookId, deliveryId: expectSuccess(sent, 202).delivery_id };
  },
  invitation: async (stack, tenant) => {
    const body = { email: 'invited@customer.example', role: 'viewer' };
    const path = `/v1/workspaces/${tenant.workspaceId}/invitations`;
    return { invitationId: (await asOwner(stack, tenant, 'POST', path, body)).invitation_id };
  },
  token: async (stack, tenant) => {
    const path = `/v1/workspaces/${tenant.workspaceId}/api-tokens`;
    const body = { name: 'report', role: 'viewer' };
    return { tokenId: (await asOwner(stack, tenant, 'POST', path, body)).token_id };
  },
  member: async (stack, tenant) => ({ member: await addMember(stack, tenant, 'viewer') }),
} satisfies Readonly<Record<string, Prepare>>;
export type TenantPart = keyof typeof PARTS;

type PartIds = Record<
  'member' | 'sessionId' | 'webhookId' | 'deliveryId' | 'invitationId' | 'tokenId',
  string
>;

/** A keyed tenant on a plan with room for more, and the named parts. */
export const makeTenantWith = async (
  stack: TestStack,
  parts: readonly TenantPart[],
): Promise<KeyedTenant & Partial<PartIds>> => {
  const tenant = await makeKeyedTenant(stack);
  await putOnPlan(stack, tenant, 'enterprise');
  let made: KeyedTenant & Partial<PartIds> = tenant;
  for (const [part, prepare] of Object.entries<Prepare>(PARTS))
    if (parts.some((wanted) => wanted === part)) made = { ...made, ...(await prepare(stack, tenant)) };
  return made;
};

/** A tenant with every kind of item, so that each route that reads, changes or ends one finds it. Its limits are not reached. */
export const makeFullTenant = async (stack: TestStack): Promise<KeyedTenant & PartIds> =>
  (await makeTenantWith(stack, Object.keys(PARTS) as TenantPart[])) as KeyedTenant & PartIds;

/** Another site of the same workspace, which gets a plan that allows it. */
export const addSite = async (stack: TestStack, tenant: Tenant): Promise<Tenant> => {
  await putOnPlan(stack, tenant, 'enterprise');
  const body = { name: 'Another', allowed_origins: [ORIGIN] };
  const site = await asOwner(stack, tenant, 'POST', `/v1/workspaces/${tenant.workspaceId}/sites`, body);
  return { ...tenant, siteId: site.site_id };
};

/** `data` of the owner's request. The test ends if the request fails. */
export const asOwner = async (
  stack: TestStack,
  tenant: Tenant,
  method: string,
  path: string,
  body?: unknown,
) => {
  const answer = await stack.call(method, path, { as: tenant.owner, body });
  return expectSuccess(answer, answer.status === 201 ? 201 : 200);
};

export const suspendWorkspaceKey = (stack: TestStack, tenant: Tenant) =>
  asOwner(stack, tenant, 'POST', `/v1/workspaces/${tenant.workspaceId}/openai-key/suspend`);

export const changeWorkspace = (stack: TestStack, tenant: Tenant, change: Settings) =>
  asOwner(stack, tenant, 'PATCH', `/v1/workspaces/${tenant.workspaceId}`, change);

/** Calls that opened a key. */
export const decrypts = (stack: TestStack) =>
  stack.kms.calls.filter(({ operation }) => operation === 'Decrypt');

/** The request that was refused opened no key and asked OpenAI for nothing. */
export const expectNothingReached = (stack: TestStack): void => {
  expect(decrypts(stack)).toEqual([]);
  expect(openAiOf(stack).requests).toEqual([]);
};

/**
 * The result of a preparation that a test file needs to start. When it fails the stack ends too, because no hook of
 * such a file ever runs.
 */
export const needed = async <Result>(stack: TestStack, preparation: Promise<Result>): Promise<Result> => {
  try {
    return await preparation;
  } catch (error) {
    await stack.close();
    throw error;
  }
};
