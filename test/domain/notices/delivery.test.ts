import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  CLAIM_MS,
  deliveryIdOf,
  isDeliveryId,
  MAX_ATTEMPTS,
  noticeIdOf,
  waitAfterAttempt,
} from '../../../lambdas/domain/notices/delivery.ts';
import type { Notice } from '../../../lambdas/domain/notices/notice.ts';

const WEBHOOK = 'whk_00000000000000000000';
const notice: Notice = {
  eventId: 'evt_1',
  type: 'key.suspended',
  workspaceId: '0123456789ab',
  siteId: null,
  sessionId: null,
  at: '2026-11-18T12:00:00.000Z',
  listedAt: '2026-11-18T12:00:00.000Z',
  facts: {},
};

describe('the attempts of a webhook delivery', () => {
  it('have the waits that docs/notices.md promises, and end after the eleventh', () => {
    const minutes = 60;
    const hours = 3_600;
    const waits = Array.from({ length: 12 }, (_, index) => waitAfterAttempt(index + 1));
    expect(waits).toEqual([
      5,
      30,
      2 * minutes,
      10 * minutes,
      30 * minutes,
      1 * hours,
      2 * hours,
      4 * hours,
      8 * hours,
      8 * hours,
      undefined,
      undefined,
    ]);
    expect(MAX_ATTEMPTS).toBe(11);
  });

  it('span at most a day, even if each attempt takes its full time', () => {
    const waits = Array.from({ length: MAX_ATTEMPTS }, (_, index) => waitAfterAttempt(index + 1) ?? 0);
    const seconds = waits.reduce((sum, wait) => sum + wait, 0) + (MAX_ATTEMPTS * CLAIM_MS) / 1_000;
    expect(seconds).toBeLessThanOrEqual(86_400);
  });
});

describe('the ID of a notice', () => {
  // Computed with sha256sum over ["0123456789ab","evt_1"].
  it('is a digest of workspace and event, so that a receiver recognises a duplicate', () => {
    expect(noticeIdOf(notice)).toBe('ntc_6b73c4d5c92a8b50694bb9fe925295c5');
    expect(noticeIdOf({ ...notice })).toBe(noticeIdOf(notice));
  });

  it('differs for another event and another workspace, even if their joined texts are equal', () => {
    const ids = [
      notice,
      { ...notice, eventId: 'evt_2' },
      { ...notice, workspaceId: '0123456789ac' },
      { workspaceId: '0123456789a', eventId: 'bevt_1' },
      { workspaceId: '0123456789ab","evt', eventId: '_1' },
    ].map(noticeIdOf);
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('contains no full stop, which would make a signature ambiguous', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (workspaceId, eventId) => {
        expect(noticeIdOf({ workspaceId, eventId })).toMatch(/^ntc_[0-9a-f]{32}$/);
      }),
    );
  });
});

describe('the ID of a delivery', () => {
  // Computed with sha256sum over ["0123456789ab","evt_1","whk_00000000000000000000"], and the time in base 36.
  it('is the time at which the delivery is listed, and a digest of notice and webhook', () => {
    expect(deliveryIdOf(notice, WEBHOOK)).toBe('dlv_0mwm2k5c008b40cef79bb9e0bfe53');
  });

  it('stays the same when the time of the notice is corrected, and differs for each webhook', () => {
    const id = deliveryIdOf(notice, WEBHOOK);
    expect(deliveryIdOf({ ...notice, at: '2026-11-18T13:00:00.000Z' }, WEBHOOK)).toBe(id);
    expect(deliveryIdOf(notice, 'mail')).not.toBe(id);
    expect(deliveryIdOf({ ...notice, eventId: 'evt_2' }, WEBHOOK)).not.toBe(id);
    expect(deliveryIdOf({ ...notice, workspaceId: 'x' }, WEBHOOK)).not.toBe(id);
  });

  it('sorts by time from 1970 to 2100, and is recognised as an ID', () => {
    const moments = fc.integer({ min: 0, max: Date.UTC(2100, 0) });
    const idAt = (ms: number): string =>
      deliveryIdOf({ ...notice, listedAt: new Date(ms).toISOString() }, WEBHOOK);
    fc.assert(
      fc.property(moments, moments, (one, other) => {
        expect(isDeliveryId(idAt(one))).toBe(true);
        if (one !== other) expect(idAt(one) < idAt(other)).toBe(one < other);
      }),
    );
  });

  it.each([
    '',
    'dlv_',
    'ntc_0123456789abcdef0123456789abcdef',
    `dlv_${'0'.repeat(28)}`,
    `dlv_${'0'.repeat(30)}`,
    `dlv_${'0'.repeat(28)}g`,
    `dlv_${'0'.repeat(28)}A`,
    `DLV_${'0'.repeat(29)}`,
    ` dlv_${'0'.repeat(29)}`,
    `dlv_${'0'.repeat(29)}\n`,
    `dlv_${'0'.repeat(8)}#${'0'.repeat(20)}`,
  ])('is not %j', (text) => {
    expect(isDeliveryId(text)).toBe(false);
  });
});
