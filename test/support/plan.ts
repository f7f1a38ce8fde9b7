import type { TestStack } from './stack.ts';
import { setOnWorkspace } from './tables.ts';
import type { Tenant } from './tenant.ts';

/** Puts the workspace on a plan without the operator's command and its audit event. */
export const putOnPlan = (
  stack: Pick<TestStack, 'dynamoDb'>,
  { workspaceId }: Pick<Tenant, 'workspaceId'>,
  plan: string,
): Promise<void> => setOnWorkspace(stack, workspaceId, 'plan', plan);
