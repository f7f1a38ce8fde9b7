import { afterAll, describe, expect, it } from '@jest/globals';
import { settledTrail } from '../e2e-custody/trail.ts';
import { tablesAt } from '../support/key-tables.ts';
import { startTestStack } from '../support/stack.ts';
import { makeTenant } from '../support/tenant.ts';

const stack = await startTestStack({ audited: false });
const tables = tablesAt(stack.dynamoDb.endpoint);
afterAll(async () => {
  tables.close();
  await stack.close();
});

describe('a stack of the tests without its audit pipeline', () => {
  it('runs no function behind a stream until it is drained, and then all of them for everything', async () => {
    const first = await makeTenant(stack);
    expect(await tables.scan('audit')).toEqual([]);
    expect((await settledTrail(stack, first)).map(({ type }) => type)).toEqual([
      'workspace.created',
      'site.created',
    ]);
    expect(stack.s3.keys(stack.variables['ARCHIVE_BUCKET'] ?? '').length).toBeGreaterThan(0);
    const rows = (await tables.scan('audit')).length;
    const second = await makeTenant(stack);
    expect(await tables.scan('audit')).toHaveLength(rows);
    expect(await settledTrail(stack, second)).toHaveLength(2);
  });
});

describe('the access token of a person in a test', () => {
  it('is the same within a minute, and a new one when the clock of the test has moved on or back', async () => {
    const token = await stack.tokenFor('ada');
    expect(await stack.tokenFor('ada')).toBe(token);
    expect(await stack.tokenFor('grace')).not.toBe(token);
    stack.advance(60_000);
    const later = await stack.tokenFor('ada');
    expect(later).not.toBe(token);
    stack.advance(-60_000);
    expect(await stack.tokenFor('ada')).not.toBe(later);
  });
});
