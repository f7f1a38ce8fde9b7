import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { newSessionId, type SessionId, type SiteId } from '../../../lambdas/domain/identifiers.ts';
import {
  addressTagOf,
  freeSlots,
  holderTagOf,
  isHeldBy,
  leaseExpiry,
  occupiedSlots,
  poolsOf,
  secondsUntilFree,
  type TakenSlot,
} from '../../../lambdas/domain/sessions/slots.ts';

const KEY = 'f0'.repeat(32);
const POOL = '8PDw';
const OTHER_KEY = '0f'.repeat(32);
const sessionId: SessionId = newSessionId(new Date(0), (size) => Buffer.alloc(size));
const lease = (index: number, expiresAt: number, fingerprint = KEY): TakenSlot => ({
  pool: fingerprint,
  index,
  holder: holderTagOf(sessionId),
  address: 'a',
  expiresAt,
});

const NOON = Date.parse('2026-11-23T12:00:00Z') / 1_000;
const at = (seconds: number): Date => new Date(seconds * 1_000);

describe('the lease of a slot', () => {
  it('lasts as long as the client secret plus half a minute; events renew it', () => {
    expect(leaseExpiry(at(NOON), 60)).toBe(NOON + 90);
    expect(leaseExpiry(at(NOON), 7_200)).toBe(NOON + 7_230);
  });

  it('ends on a whole second, never before the client secret can be used', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4e12 }), fc.integer({ min: 10, max: 7_200 }), (ms, ttl) => {
        const expiry = leaseExpiry(new Date(ms), ttl);
        return Number.isInteger(expiry) && expiry * 1_000 >= ms + ttl * 1_000;
      }),
    );
  });
});

describe('the slot of a session', () => {
  it('is occupied until the last millisecond before its lease expires, and then free', () => {
    const leases = [lease(0, NOON)];
    expect(occupiedSlots(leases, KEY, at(NOON - 0.001))).toEqual(leases);
    expect(occupiedSlots(leases, KEY, at(NOON))).toEqual([]);
    expect(occupiedSlots(leases, KEY, at(NOON + 0.001))).toEqual([]);
  });

  it('is released by expiry alone, even if the lease is never deleted', () => {
    const leases = [lease(0, NOON - 86_400), lease(1, NOON + 1), lease(2, 0)];
    expect(occupiedSlots(leases, KEY, at(NOON))).toEqual([lease(1, NOON + 1)]);
  });

  it('is not occupied by a lease of another key in the workspace', () => {
    const leases = [lease(0, NOON + 60), lease(0, NOON + 60, OTHER_KEY), lease(1, NOON + 60, '')];
    expect(occupiedSlots(leases, KEY, at(NOON))).toEqual([lease(0, NOON + 60)]);
  });
});

describe('a session and a lease', () => {
  const taken = lease(4, NOON);
  const slots = [{ pool: KEY, index: 4 }];
  const other = newSessionId(new Date(1), (size) => Buffer.alloc(size));

  it.each([
    ['belong together if slot and tag are those of the session', { sessionId, slots }, true],
    ['do not belong together if the tag differs', { sessionId: other, slots }, false],
    ['do not belong together if the index differs', { sessionId, slots: [{ pool: KEY, index: 5 }] }, false],
    ['do not belong together if the pool differs', { sessionId, slots: [{ pool: '', index: 4 }] }, false],
  ])('%s', (_, holder, held) => {
    expect(isHeldBy(taken, holder)).toBe(held);
  });
});

describe('the free slots of a key', () => {
  it('are all slots below the limit if none is occupied', () => {
    expect(freeSlots([], 3)).toEqual([0, 1, 2]);
    expect(freeSlots([], 1_000)).toHaveLength(1_000);
  });

  it('are none if the limit is reached or zero', () => {
    expect(freeSlots([lease(0, NOON), lease(1, NOON)], 2)).toEqual([]);
    expect(freeSlots([], 0)).toEqual([]);
  });

  it('are none if as many sessions run as a lowered limit allows, at any indices', () => {
    expect(freeSlots([lease(3, NOON), lease(4, NOON)], 2)).toEqual([]);
    expect(freeSlots([lease(1, NOON), lease(3, NOON), lease(4, NOON)], 2)).toEqual([]);
    expect(freeSlots([lease(3, NOON)], 2)).toEqual([0]);
  });

  it('are the gaps in ascending order', () => {
    expect(freeSlots([lease(3, NOON), lease(0, NOON)], 5)).toEqual([1, 2, 4]);
  });

  it('never repeat, and never include an occupied slot or one at or above the limit', () => {
    const held = fc.array(fc.nat(30), { maxLength: 40 });
    fc.assert(
      fc.property(held, fc.nat(30), (indices, limit) => {
        const free = freeSlots(
          indices.map((index) => lease(index, NOON)),
          limit,
        );
        const open = free.every((index) => index < limit && !indices.includes(index));
        return open && JSON.stringify(free) === JSON.stringify([...new Set(free)].sort((a, b) => a - b));
      }),
    );
  });
});

describe('the free slots under a lowered limit', () => {
  it('keep concurrent sessions within the limit, even if all choose at the same moment', () => {
    const held = fc.uniqueArray(fc.nat(30), { maxLength: 25 });
    fc.assert(
      fc.property(held, fc.integer({ min: 1, max: 25 }), (indices, limit) => {
        const taken = indices.map((index) => lease(index, NOON));
        const chosen = new Set([...indices, ...freeSlots(taken, limit)]);
        expect(chosen.size).toBeLessThanOrEqual(Math.max(limit, indices.length));
      }),
      { seed: 7, numRuns: 500 },
    );
  });

  it('are found as long as fewer sessions run than the limit allows', () => {
    const held = fc.uniqueArray(fc.nat(30), { maxLength: 25 });
    fc.assert(
      fc.property(held, fc.integer({ min: 1, max: 25 }), (indices, limit) => {
        const free = freeSlots(
          indices.map((index) => lease(index, NOON)),
          limit,
        );
        expect(free.length > 0).toBe(indices.length < limit);
      }),
      { seed: 7, numRuns: 500 },
    );
  });
});

describe('the slot pools of a session', () => {
  const site = 's'.repeat(24) as SiteId;

  it('are none without a limit, and only the pool of the key without a share', () => {
    expect(poolsOf(KEY, site, undefined, 50)).toEqual([]);
    expect(poolsOf(KEY, site, 10, null)).toEqual([{ pool: POOL, limit: 10 }]);
  });

  it.each([
    [10, 100, 10],
    [10, 50, 5],
    [10, 55, 5],
    [10, 1, 1],
    [1, 50, 1],
    [1_000, 33, 330],
  ])('of %p slots and a share of %p %% are the key and the site with %p', (limit, percent, share) => {
    const pools = poolsOf(KEY, site, limit, percent);
    expect(pools).toEqual([
      { pool: POOL, limit },
      { pool: `${POOL}#${'s'.repeat(12)}`, limit: share },
    ]);
  });
});

describe('secondsUntilFree', () => {
  it.each([
    [NOON, 30, 30],
    [NOON + 0.001, 30, 30],
    [NOON + 0.999, 30, 30],
    [NOON + 1, 30, 29],
    [NOON + 29, 30, 1],
    [NOON + 29.999, 30, 1],
    [NOON + 30, 30, 1],
    [NOON + 500, 30, 1],
  ])('at %p with a lease that ends %p seconds after noon is %p', (now, end, seconds) => {
    expect(secondsUntilFree([lease(0, NOON + end)], 1, at(now))).toBe(seconds);
  });

  it('uses the earliest lease if exactly as many sessions run as the limit allows', () => {
    const taken = [lease(0, NOON + 300), lease(1, NOON + 20), lease(2, NOON + 100)];
    expect(secondsUntilFree(taken, 3, at(NOON))).toBe(20);
  });

  it.each([
    [2, 100],
    [1, 300],
  ])('uses the lease after which fewer than a lowered limit of %p are left', (limit, seconds) => {
    const taken = [lease(0, NOON + 300), lease(1, NOON + 20), lease(2, NOON + 100)];
    expect(secondsUntilFree(taken, limit, at(NOON))).toBe(seconds);
    expect(taken.map(({ index }) => index)).toEqual([0, 1, 2]);
  });

  it('is 1 when no lease is known', () => {
    expect(secondsUntilFree([], 1, at(NOON))).toBe(1);
  });

  // It gives the end of the earliest lease: a token request that lost every race for a free slot is told to wait that long.
  it('is 1 if fewer leases are known than the limit allows', () => {
    expect(secondsUntilFree([lease(0, NOON + 300)], 2, at(NOON))).toBe(1);
  });

  it('is exact: a slot is free after that many seconds, and not one second before', () => {
    const ends = fc.array(fc.integer({ min: 1, max: 4_000 }), { minLength: 1, maxLength: 12 });
    const full = ends.chain((each) => fc.tuple(fc.constant(each), fc.integer({ min: 1, max: each.length })));
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 4_000_000 }), full, (ms, [each, limit]) => {
        const taken = each.map((end, index) => lease(index, Math.floor(ms / 1_000) + end));
        const wait = secondsUntilFree(taken, limit, new Date(ms));
        const freeAt = (at: number): number =>
          freeSlots(occupiedSlots(taken, KEY, new Date(at)), limit).length;
        return freeAt(ms + wait * 1_000) > 0 && freeAt(ms + (wait - 1) * 1_000) === 0;
      }),
      { numRuns: 500 },
    );
  });
});

it('the address tag of a lease is short, and made from the hash alone', () => {
  expect(addressTagOf('0123456789abcdef'.repeat(4))).toBe('012345');
});
