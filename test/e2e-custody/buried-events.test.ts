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

describe('an audit search across more sessions than one call reads', () => {
  it.each(['anomaly.detected', 'workspace.created', 'site.created'])(
    'finds an event of type %s on the first page and is complete',
    async (type) => {
      const { items, next_cursor, searched_to } = await page({ type });
      expect(items).toMatchObject([{ type }]);
      expect({ next_cursor, searched_to }).toEqual({ next_cursor: null, searched_to: null });
    },
  );

  it('without an index returns the time that it has reached, and completes when it finds the event', async () => {
    const query = { actor: tenant.owner };
    const first = await page(query);
    expect(first.items).toEqual([]);
    expect(first.next_cursor).not.toBeNull();
    expect(Date.parse(first.searched_to)).toBeLessThanOrEqual(Date.now());
    const second = await page({ ...query, cursor: first.next_cursor });
    expect(second.items.map(({ type }: { type: string }) => type)).toContain('workspace.created');
    expect(second).toMatchObject({ next_cursor: null, searched_to: null });
  });

  it('by type continues on the next page where the previous one ended', async () => {
    await addIncident(stack, tenant);
    const first = await page({ type: 'anomaly.detected', limit: '1' });
    const second = await page({ type: 'anomaly.detected', limit: '1', cursor: first.next_cursor });
    expect(second.items).toHaveLength(1);
    expect(second.items[0].sequence).toBeLessThan(first.items[0].sequence);
    expect(second.next_cursor).toBeNull();
  });
});
