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

/** A tenant with every kind of item, so that each route that reads, changes or ends one finds it. Its limits are not reached. */
export const makeFullTenant = async (
  stack: TestStack,
): Promise<
  KeyedTenant &
    Record<'member' | 'sessionId' | 'webhookId' | 'deliveryId' | 'invitationId' | 'tokenId', string>
> => {
  const tenant = await makeKeyedTenant(stack);
  await putOnPlan(stack, tenant, 'enterprise');
  expectSuccess(await putSiteKey(stack, tenant, fakeKey()));
  const budget = { period: 'month', amount_usd: 1_000, action: 'notify' };
  for (const path of [`/v1/sites/${tenant.siteId}`, `/v1/workspaces/${tenant.workspaceId}`])
    await asOwner(stack, tenant, 'PUT', `${path}/budget`, budget);
  await asOwner(stack, tenant, 'PUT', `/v1/sites/${tenant.siteId}/embed-key`, { algorithm: 'HS256' });
  const { session_id: sessionId } = expectSuccess(await mint(stack, tenant));
  await verifyMail(stack, tenant);
  const webhooks = `/v1/workspaces/${tenant.workspaceId}/webhooks`;
  const body = { url: 'https://receiver.invalid/webhooks' };
  const { webhook_id: webhookId } = await asOwner(stack, tenant, 'POST', webhooks, body);
  const sent = await stack.call('POST', `${webhooks}/${webhookId}/test`, { as: tenant.owner });
  const { delivery_id: deliveryId } = expectSuccess(sent, 202);
  const invited = { email: 'invited@customer.example', role: 'viewer' };
  const invitations = `/v1/workspaces/${tenant.workspaceId}/invitations`;
  const { invitation_id: invitationId } = await asOwner(stack, tenant, 'POST', invitations, invited);
  const tokens = `/v1/workspaces/${tenant.workspaceId}/api-tokens`;
  const { token_id: tokenId } = await asOwner(stack, tenant, 'POST', tokens, {
    name: 'report',
    role: 'viewer',
  });
  const member = await addMember(stack, tenant, 'viewer');
  return { ...tenant, sessionId, webhookId, deliveryId, invitationId, tokenId, member };
};

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
