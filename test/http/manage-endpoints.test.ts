import { expect, it } from '@jest/globals';
import { workspace as workspaceAnswer } from '../../lambdas/contract/tenancy.ts';
import { BUILT_IN_PLANS } from '../../lambdas/domain/tenancy/plan.ts';
import type { EndpointRequest } from '../../lambdas/http/endpoints/endpoint.ts';
import { manageEndpoints } from '../../lambdas/http/endpoints/manage-endpoints.ts';
import { aWorkspace, WORKSPACE_ID } from '../use-cases/sessions/token-fixture.ts';
import { CALLER } from '../use-cases/tenancy/tenancy-fixture.ts';

it.each([
  [{ name: 'Bakery' }, { name: 'Bakery' }],
  [{ retention: { session_days: 60, error_days: 14 } }, { retention: { sessionDays: 60, errorDays: 14 } }],
])(
  'the change %j of a workspace reaches the use case as %j, and the answer contains its retention',
  async (body, change) => {
    const asked: unknown[] = [];
    const { changeWorkspace } = manageEndpoints({
      plans: BUILT_IN_PLANS,
      keys: { readStates: async () => () => undefined },
      changeWorkspace: async (...given: unknown[]) => {
        asked.push(given);
        return aWorkspace({
          retention: { sessionDays: 60, errorDays: 14, changedAt: '2026-11-23T12:00:10.000Z' },
        });
      },
    } as never);
    const request = { caller: CALLER, path: { workspaceId: WORKSPACE_ID }, body } as unknown;
    const data = await changeWorkspace(request as EndpointRequest<'changeWorkspace'>);
    expect(asked).toEqual([[CALLER, WORKSPACE_ID, change]]);
    expect(workspaceAnswer.parse(data)).toEqual(data);
    expect(data.retention).toEqual({ session_days: 60, error_days: 14 });
  },
);
