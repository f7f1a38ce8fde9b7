import { randomBytes } from 'node:crypto';
import type { Role } from '../../lambdas/domain/tenancy/workspace.ts';
import { expectSuccess } from './answers.ts';
import type { TestStack } from './stack.ts';
import type { Tenant } from './tenant.ts';

/** A new person without a workspace. */
export const newPerson = (name: string): string => `${name}-${randomBytes(6).toString('hex')}`;

/** Invites the person `sub`, who accepts. */
export const joinAs = async (
  stack: TestStack,
  tenant: Pick<Tenant, 'workspaceId' | 'owner'>,
  sub: string,
  role: Role,
): Promise<void> => {
  const path = `/v1/workspaces/${tenant.workspaceId}/members/${encodeURIComponent(sub)}`;
  const invited = expectSuccess(await stack.call('PUT', path, { as: tenant.owner, body: { role } }));
  expectSuccess(await stack.call('POST', `/v1/invitations/${invited.invitation_id}/accept`, { as: sub }));
};

/** A person who holds `role` in the tenant's workspace. */
export const addMember = async (stack: TestStack, tenant: Tenant, role: Role): Promise<string> => {
  const sub = newPerson(role);
  await joinAs(stack, tenant, sub, role);
  return sub;
};
