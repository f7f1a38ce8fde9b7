import { describe, expect, it } from '@jest/globals';
import { isMachineActor } from '../../../lambdas/domain/audit/machine-actor.ts';
import { subOfToken } from '../../../lambdas/domain/tenancy/api-token.ts';

describe('the name of a machine in the audit trail', () => {
  it.each([
    'visitor',
    subOfToken('tok_0123456789abcdef'),
    'system:detector',
    'system:retire-models',
    'operator:arn:aws:iam::111122223333:role/Ops',
  ])('%s belongs to no person', (sub) => {
    expect(isMachineActor(sub)).toBe(true);
  });

  it.each([
    'ada',
    'visitor-7',
    'auth0|5f7c8ec7c33c6c004bbafe82',
    'token:other',
    'system:serviceaccount:default:reader',
  ])('%s can be a person of some issuer', (sub) => {
    expect(isMachineActor(sub)).toBe(false);
  });
});
