import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { expectSuccess } from '../support/answers.ts';
import { addIncident, buryTrail } from '../support/bury.ts';
import { startTestStack, type TestStack } from '../support/stack.ts';
import { makeTenant, type Tenant } from '../support/tenant.ts';
import { auditPage } from './trail.ts';

/** More than one call of the list looks at. */
const BUSY_DAYS = 2_300;

let stack: TestStack;
let tenant: Tenant;

beforeAll(async () => {
  stack = await startTestStack({ audited: false });
  tenant = await makeTenant(stack);
  await addIncident(stack, tenant);
  await buryTrail(stack, tenant, BUSY_DAYS);
}, 120_000);
afterAll(() => stack?.close());

const page = async (query: Readonly<Record<string, string>>) =>
  expectSuccess(await auditPage(stack, tenant, query));

describe('behind more sessions than one call looks at', () => {
  it.each(['anomaly.detected', 'workspace.created', 'site.created'])(
    'an event of the type %s is on the first page, and the search has ended',
    async (type) => {
      const { items, next_cursor, searched_to } = await page({ type });
      expect(items).toMatchObject([{ type }]);
      expect({ next_cursor, searched_to }).toEqual({ next_cursor: null, searched_to: null });
    },
  );

  it('a search without an index names the time that it has reached, and ends with the event', async () => {
    const query = { actor: tenant.owner };
    const first = await page(query);
    expect(first.items).toEqual([]);
    expect(first.next_cursor).not.toBeNull();
    expect(Date.parse(first.searched_to)).toBeLessThanOrEqual(Date.now());
    const second = await page({ ...query, cursor: first.next_cursor });
    expect(second.items.map(({ type }: { type: string }) => type)).toContain('workspace.created');
    expect(second).toMatchObject({ next_cursor: null, searched_to: null });
  });

  it('pages of one type continue where the page before has ended', async () => {
    await addIncident(stack, tenant);
    const first = await page({ type: 'anomaly.detected', limit: '1' });
    const second = await page({ type: 'anomaly.detected', limit: '1', cursor: first.next_cursor });
    expect(second.items).toHaveLength(1);
    expect(second.items[0].sequence).toBeLessThan(first.items[0].sequence);
    expect(second.next_cursor).toBeNull();
  });
});
