import { describe, expect, it } from '@jest/globals';
import { BrokerError } from '../../lambdas/domain/broker-error.ts';
import { encodeCursor, type List, pageRequestOf } from '../../lambdas/http/cursor.ts';
import { pageOf } from '../../lambdas/http/endpoints/page.ts';

const list: List = {
  caller: { sub: 'owner', sourceIp: '192.0.2.1' } as List['caller'],
  route: 'deliveries',
  resource: '0123456789ab',
};
const cursor = encodeCursor(list, 'row-20') ?? '';
const continuationOf = (of: List, text: string) => pageRequestOf(of, { limit: 20, cursor: text }).after;

describe('the cursor of a list', () => {
  it('continues the list that issued it, also for another address of the caller', () => {
    expect(pageRequestOf(list, { limit: 7, cursor })).toEqual({ limit: 7, after: 'row-20' });
    const moved = { ...list, caller: { ...list.caller, sourceIp: '192.0.2.9' } };
    expect(continuationOf(moved, cursor)).toBe('row-20');
  });

  it('is null after the last page and not needed for the first one', () => {
    expect(encodeCursor(list, undefined)).toBeNull();
    expect(pageRequestOf(list, { limit: 7 })).toEqual({ limit: 7, after: undefined });
  });

  it.each([
    ['another person', { ...list, caller: { ...list.caller, sub: 'stranger' } }],
    ['another route', { ...list, route: 'versions' }],
    ['another workspace', { ...list, resource: '0123456789ac' }],
  ])('is refused for %s', (_, other) => {
    expect(() => continuationOf(other, cursor)).toThrow(new BrokerError('invalid_request'));
  });

  it.each([
    '',
    'x',
    '%%%',
    Buffer.from('null').toString('base64url'),
    Buffer.from('["a"]').toString('base64url'),
    Buffer.from('["a","b","c"]').toString('base64url'),
    Buffer.from('{"0":"a","1":"b"}').toString('base64url'),
    encodeCursor(list, '') ?? '',
    encodeCursor(list, 'a'.repeat(601)) ?? '',
  ])('is refused if no list has issued it: %j', (text) => {
    expect(() => continuationOf(list, text)).toThrow(
      expect.objectContaining({
        code: 'invalid_request',
        details: [expect.objectContaining({ path: 'cursor' })],
      }),
    );
  });
});

describe('a page of a list', () => {
  it('contains the presented items and a cursor that continues after them', async () => {
    const asked: unknown[] = [];
    const read = async (page: unknown) => {
      asked.push(page);
      return { items: [1, 2], next: 'row-2' };
    };
    const first = await pageOf(list, { limit: 2 }, read, (item) => `item ${item}`);
    expect(first.items).toEqual(['item 1', 'item 2']);
    await pageOf(list, { limit: 2, cursor: first.next_cursor ?? '' }, read, String);
    expect(asked).toEqual([
      { limit: 2, after: undefined },
      { limit: 2, after: 'row-2' },
    ]);
  });

  it('has no cursor after the last item', async () => {
    const read = async () => ({ items: [], next: undefined });
    expect(await pageOf(list, { limit: 2 }, read, String)).toEqual({ items: [], next_cursor: null });
  });
});
