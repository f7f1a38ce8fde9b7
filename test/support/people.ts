import { randomBytes } from 'node:crypto';
import type { Role } from '../../lambdas/domain/tenancy/workspace.ts';
import { expectSuccess } from './answers.ts';
import type { TestStack } from './stack.ts';
import type { Tenant } from './tenant.ts';

/** A new person, a member of nothing. */
export const newPerson = (name: string): string => `${name}-${randomBytes(6).toString('hex')}`;

/** A person who holds `role` in the tenant's workspace. */
export const addMember = async (stack: TestStack, tenant: Tenant, role: Role): Promise<string> => {
  const sub = newPerson(role);
  const path = `/v1/workspaces/${tenant.workspaceId}/members/${sub}`;
  expectSuccess(await stack.call('PUT', path, { as: tenant.owner, body: { role } }));
  return sub;
};
