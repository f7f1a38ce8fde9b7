import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectRefusal, expectSuccess } from '../support/answers.ts';
import { openCall } from '../support/calls.ts';
import { decrypts, makeKeyedTenant } from '../support/keyed-tenant.ts';
import { event, report } from '../support/reports.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { mint, ORIGIN } from '../support/tenant.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ variables: { WORKSPACES_PER_DAY: '2' }, audited: false });
});
afterAll(async () => {
  await stack.close();
});

describe('invalid requests from one address', () => {
  it('get at most twenty error details each, and are rate limited after 120 in a minute', async () => {
    const tenant = await makeKeyedTenant(stack);
    const body = Object.fromEntries(Array.from({ length: 500 }, (_, i) => [`field_${'x'.repeat(i % 7)}`, i]));
    const first = await stack.call('POST', `/v1/${tenant.siteId}/token`, {
      origin: ORIGIN,
      body: { ...body, ...Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`f${i}`, 1])) },
    });
    expectRefusal(first, 400, 'invalid_request');
    expect(first.error.details?.length).toBeLessThanOrEqual(20);
    const codes: (string | undefined)[] = [];
    for (let i = 0; i < 122; i++)
      codes.push((await openCall(stack, tenant, { sdp: 'no offer' })).error?.code);
    expect(codes[0]).toBe('invalid_offer');
    expect(codes.at(-1)).toBe('rate_limited');
    expect(decrypts(stack)).toEqual([]);
  });

  it('never block a correctly signed report', async () => {
    const fresh = await startTestStack({ audited: false });
    try {
      const own = await makeKeyedTenant(fresh);
      const session = expectSuccess(await mint(fresh, own));
      const now = fresh.now();
      const codes: (string | undefined)[] = [];
      for (let i = 0; i < 122; i++) {
        const forged = await report(fresh, own, session, [event('heartbeat', now)], {
          signedAt: now,
          secret: Buffer.alloc(32).toString('base64'),
        });
        codes.push(forged.error?.code);
      }
      expect(codes[0]).toBe('invalid_signature');
      expect(codes.at(-1)).toBe('rate_limited');
      expectSuccess(await report(fresh, own, session, [event('connected', now)], { signedAt: now }));
    } finally {
      await fresh.close();
    }
  });
});

it('a person can create only a few workspaces in a day', async () => {
  const create = () => stack.call('POST', '/v1/workspaces', { as: 'greedy', body: { name: 'Another' } });
  for (let i = 0; i < 2; i++) expectSuccess(await create(), 201);
  expectRefusal(await create(), 429, 'rate_limited');
  stack.advance(86_400_000);
  expectSuccess(await create(), 201);
});
