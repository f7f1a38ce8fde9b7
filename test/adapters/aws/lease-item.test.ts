import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { leaseAttributes, leaseItem } from '../../../lambdas/adapters/aws/sessions/lease-item.ts';
import { primaryKey } from '../../../lambdas/adapters/aws/table-keys.ts';
import {
  compactWorkspaceId,
  newSessionId,
  newWorkspaceId,
  type WorkspaceId,
} from '../../../lambdas/domain/identifiers.ts';
import {
  addressTagOf,
  holderTagOf,
  keyPoolOf,
  type NewLease,
  poolsOf,
} from '../../../lambdas/domain/sessions/slots.ts';

const workspaceId = newWorkspaceId((size) => Buffer.alloc(size, 9));
const siteId = `${workspaceId}cdefghjkmnpq` as Parameters<typeof poolsOf>[1];
const FINGERPRINT = 'f00dbabe'.repeat(8);

const aLease = (facts: Partial<NewLease> = {}): NewLease => ({
  pool: keyPoolOf(FINGERPRINT),
  index: 7,
  sessionId: newSessionId(new Date(0), (size) => Buffer.alloc(size, 3)),
  address: addressTagOf('0123456789abcdef'.repeat(4)),
  expiresAt: 1_796_000_000,
  ...facts,
});
const stored = (lease: NewLease) => ({
  ...primaryKey.slot(workspaceId, lease.pool, lease.index),
  ...leaseAttributes(lease),
});

/** As DynamoDB measures it: names, texts and bytes as they are, a number half a byte for each digit and one more. */
const sizeOf = (item: Readonly<Record<string, unknown>>): number =>
  Object.entries(item).reduce((sum, [name, value]) => {
    const size =
      typeof value === 'number'
        ? Math.ceil(String(value).length / 2) + 1
        : Buffer.byteLength(value as string);
    return sum + Buffer.byteLength(name) + size;
  }, 0);

describe('A stored lease', () => {
  it('has 45 bytes, so that a thousand cost a mint five and a half units', () => {
    expect(sizeOf(stored(aLease()))).toBe(45);
    expect(Math.ceil((1_000 * 45) / 4_096) / 2).toBe(5.5);
  });

  it('of a call has seven bytes more', () => {
    expect(sizeOf(stored(aLease({ expectedUntil: 1_796_000_000 })))).toBe(52);
  });

  it('is read as it was written, at any index and of both pools of a site', () => {
    fc.assert(
      fc.property(
        fc.nat(4_095),
        fc.constantFrom(...poolsOf(FINGERPRINT, siteId, 10, 50).map(({ pool }) => pool)),
        fc.option(fc.integer({ min: 1, max: 2e9 }), { nil: undefined }),
        (index, pool, expectedUntil) => {
          const lease = aLease({ index, pool, expectedUntil });
          expect(leaseItem.parse(stored(lease))).toEqual({
            pool,
            index,
            holder: holderTagOf(lease.sessionId),
            address: '012345',
            expectedUntil,
            expiresAt: lease.expiresAt,
          });
        },
      ),
    );
  });

  it('has a place for each index of a pool, and none beyond 4,095', () => {
    const places = Array.from(
      { length: 4_096 },
      (_, index) => primaryKey.slot(workspaceId, 'pool', index).sk,
    );
    expect(new Set(places).size).toBe(4_096);
    expect(() => primaryKey.slot(workspaceId, 'pool', 4_096)).toThrow(RangeError);
  });

  it.each([
    ['without a session', { s: undefined }],
    ['with a session that is no bytes', { s: 'text' }],
    ['with a session but no address', { s: Buffer.alloc(4) }],
    ['without an end', { expires_at: undefined }],
    ['with an end that is no number', { expires_at: '1' }],
    ['with an expectation that is no number', { e: '1' }],
    ['without a place', { sk: undefined }],
    ['with a place that is too short', { sk: 'A' }],
    ['with a place that has no index', { sk: 'pool#!' }],
    ['with a place that has half an index', { sk: 'poolA!' }],
  ])('%s is an error, and no free slot', (_, facts) => {
    expect(leaseItem.safeParse({ ...stored(aLease()), ...facts }).success).toBe(false);
  });
});

describe('The short form of a workspace’s id', () => {
  it('has ten characters, and differs wherever ids differ', () => {
    const character = fc.constantFrom(...'0123456789abcdefghjkmnpqrstvwxyz');
    const id = fc.string({ unit: character, minLength: 12, maxLength: 12 });
    fc.assert(
      fc.property(id, id, (a, b) => {
        const [short, other] = [a, b].map((one) => compactWorkspaceId(one as WorkspaceId));
        expect(short).toMatch(/^[\w-]{10}$/);
        expect(short === other).toBe(a === b);
      }),
    );
    expect(compactWorkspaceId('000000000000' as WorkspaceId)).toBe('AAAAAAAAAA');
    expect(compactWorkspaceId('zzzzzzzzzzzz' as WorkspaceId)).toBe('__________');
    expect(compactWorkspaceId('000000000001' as WorkspaceId)).toBe('AAAAAAAAAB');
    expect(compactWorkspaceId('100000000000' as WorkspaceId)).not.toBe(
      compactWorkspaceId('010000000000' as WorkspaceId),
    );
  });

  it('is the id itself where the product cannot have issued it', () => {
    expect(compactWorkspaceId('ilouilouilou' as WorkspaceId)).toBe('ilouilouilou');
  });
});
