import { expect, it } from '@jest/globals';
import { member as memberAnswer } from '../../lambdas/contract/members.ts';
import type { EndpointRequest } from '../../lambdas/http/endpoints/endpoint.ts';
import { memberEndpoints } from '../../lambdas/http/endpoints/member-endpoints.ts';
import { aMember, outcomeOf, WORKSPACE_ID } from '../use-cases/sessions/token-fixture.ts';
import { CALLER, tenancyWith } from '../use-cases/tenancy/tenancy-fixture.ts';

const readMyself = (sub: string, members = [aMember('owner', CALLER.sub), aMember('viewer', 'ada')]) => {
  const { ports } = tenancyWith({ members });
  const request = { caller: { ...CALLER, sub }, path: { workspaceId: WORKSPACE_ID } } as unknown;
  return memberEndpoints({ tenancy: ports.tenancy } as never).readMyself(
    request as EndpointRequest<'readMyself'>,
  );
};

it.each([
  ['ada', 'viewer'],
  [CALLER.sub, 'owner'],
])('the member %s can read only their own role', async (sub, role) => {
  const data = await readMyself(sub);
  expect(memberAnswer.parse(data)).toEqual(data);
  expect(data).toMatchObject({ sub, role, name: null });
});

it('a person who is not a member gets workspace_not_found', async () => {
  expect(await outcomeOf(readMyself('eve'))).toBe('workspace_not_found');
});
