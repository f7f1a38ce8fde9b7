import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { dynamoDbStops } from '../../lambdas/adapters/aws/calls/dynamodb-stops.ts';
import { dynamoDbClient } from '../../lambdas/adapters/aws/clients.ts';
import type { WorkspaceId } from '../../lambdas/domain/identifiers.ts';
import { stopService } from '../../lambdas/use-cases/calls/stop-service.ts';
import { operatorAuditEvents } from '../../tools/operator/operator.ts';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall, openedCall, sessionOf } from '../support/calls.ts';
import { makeKeyedTenant } from '../support/keyed-tenant.ts';
import { openAiOf } from '../support/openai.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { mint } from '../support/tenant.ts';
import { useCasePorts } from '../support/use-case-ports.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});
afterAll(async () => {
  await stack.close();
});

const stopped = (what: 'sessions' | 'calls' | 'resume', workspaceId?: string) =>
  stopService({
    stops: dynamoDbStops(
      dynamoDbClient({
        AWS_REGION: 'us-east-1',
        AWS_ENDPOINT_URL_DYNAMODB: stack.variables['AWS_ENDPOINT_URL_DYNAMODB'],
      }),
      { tenancy: 'tenancy', limits: 'limits', writer: 'stop' },
    ),
    hangUps: useCasePorts(stack).hangUps,
    auditEvents: operatorAuditEvents,
  })({ sub: 'operator:test', sourceIp: '' }, what, workspaceId as WorkspaceId | undefined);

describe("an operator's stop", () => {
  it('refuses new sessions and ends calls in one workspace, while others continue', async () => {
    const tenant = await makeKeyedTenant(stack);
    const other = await makeKeyedTenant(stack);
    const call = await openedCall(stack, tenant);
    await openedCall(stack, other);
    expect(await stopped('calls', tenant.workspaceId)).toBe(1);
    expectRefusal(await openCall(stack, tenant), 503, 'stopped');
    expectRefusal(await mint(stack, tenant), 503, 'stopped');
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toHaveLength(1);
    expect(await sessionOf(stack, tenant, call)).toMatchObject({ ended_by: 'operator' });
    await stopped('resume', tenant.workspaceId);
    expectSuccess(await mint(stack, tenant));
  });

  it('finds the calls of every workspace if it stops the stage', async () => {
    const tenants = [await makeKeyedTenant(stack), await makeKeyedTenant(stack)];
    for (const tenant of tenants) await openedCall(stack, tenant);
    expect(await stopped('calls')).toBeGreaterThanOrEqual(2);
    for (const tenant of tenants) expectRefusal(await openCall(stack, tenant), 503, 'stopped');
    await stack.hangUps.drain();
    expect(openAiOf(stack).liveCalls).toEqual([]);
    await stopped('resume');
  });
});
