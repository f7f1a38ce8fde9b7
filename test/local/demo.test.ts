import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { seedDemo } from '../../local/demo.ts';
import { expectSuccess } from '../support/answers.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';

let stack: TestStack;
beforeAll(async () => {
  stack = await startTestStack({ audited: false });
});
afterAll(async () => {
  await stack.close();
});

describe('the demo site', () => {
  it('is reused by the next start, which adds its own origin and keeps the others', async () => {
    const first = await seedDemo(stack);
    const path = `/v1/sites/${first.siteId}`;
    const before = ['http://127.0.0.1:1', 'https://shop.example'];
    const as = 'demo-owner';
    expectSuccess(await stack.call('PATCH', path, { as, body: { allowed_origins: before } }));
    const second = await seedDemo(stack);
    expect(second).toMatchObject({ siteId: first.siteId, allowedOrigin: stack.url });
    const { allowed_origins: origins } = expectSuccess(await stack.call('GET', path, { as }));
    expect(origins).toEqual([stack.url, stack.url.replace('127.0.0.1', 'localhost'), ...before]);
    await seedDemo(stack);
    expect(expectSuccess(await stack.call('GET', path, { as })).allowed_origins).toEqual(origins);
  });
});
