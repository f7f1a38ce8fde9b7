import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../../lambdas/domain/broker-error.ts';
import { BUILT_IN_PLANS } from '../../../lambdas/domain/tenancy/plan.ts';
import type { Workspace } from '../../../lambdas/domain/tenancy/workspace.ts';
import { changePlan } from '../../../lambdas/use-cases/tenancy/change-plan.ts';
import { aWorkspace, WORKSPACE_ID } from '../sessions/token-fixture.ts';

const OPERATOR = { sub: 'operator:somebody', sourceIp: '' };

/** The use case over one workspace; `written` is what it wrote. */
const over = (workspace: Workspace | undefined) => {
  const written: unknown[] = [];
  const change = changePlan({
    plans: BUILT_IN_PLANS,
    workspaces: { readWorkspace: async () => workspace },
    auditEvents: { event: async (caller, type, subject) => ({ caller, type, subject }) as never },
    planWriter: {
      changePlan: async (...write) => {
        written.push(write);
      },
    },
  });
  return { written, change: (plan: string) => change(OPERATOR, WORKSPACE_ID, plan) };
};

describe('the operator command that changes a plan', () => {
  it('writes the new plan and its event together', async () => {
    const free = aWorkspace({ plan: 'free' });
    const { written, change } = over(free);
    expect(await change('pro')).toEqual({ ...free, plan: 'pro' });
    expect(written).toEqual([
      [
        free,
        'pro',
        {
          caller: OPERATOR,
          type: 'workspace.plan_changed',
          subject: { workspaceId: WORKSPACE_ID, facts: { plan_before: 'free', plan: 'pro' } },
        },
      ],
    ]);
  });

  it('writes nothing if the workspace already has the plan', async () => {
    const { written, change } = over(aWorkspace({ plan: 'pro' }));
    expect(await change('pro')).toMatchObject({ plan: 'pro' });
    expect(written).toEqual([]);
  });

  it.each(['', 'PRO', 'platinum', '__proto__'])(
    'refuses the unknown plan %j, and lists the existing plans',
    async (plan) => {
      const { written, change } = over(aWorkspace());
      const refused = await change(plan).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(BrokerError);
      expect(refused).toMatchObject({
        code: 'invalid_request',
        details: [
          { path: 'plan', message: 'This plan does not exist. The plans: free, starter, pro, enterprise.' },
        ],
      });
      expect(written).toEqual([]);
    },
  );

  it.each([
    ['does not exist', undefined],
    ['is deleted', aWorkspace({ deletedAt: '2026-11-23T00:00:00.000Z' })],
  ])('fails with workspace_not_found if the workspace %s', async (_, workspace) => {
    const { written, change } = over(workspace);
    await expect(change('pro')).rejects.toMatchObject({ code: 'workspace_not_found' });
    expect(written).toEqual([]);
  });
});
