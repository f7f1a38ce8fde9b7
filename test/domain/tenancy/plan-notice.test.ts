import { describe, expect, it } from '@jest/globals';
import { AUDIT_EVENT_TYPES, type AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import { planNoticeOf } from '../../../lambdas/domain/tenancy/plan-notice.ts';

const EVENT: AuditEvent = {
  eventId: 'evt_1',
  workspaceId: 'w'.repeat(12),
  type: 'plan.threshold_reached',
  at: '2026-11-23T12:00:00.000Z',
  actor: 'system:meter',
  siteId: null,
  sessionId: null,
  ipHash: null,
  facts: { percent: 80, period: '2026-11', plan: 'starter', used_seconds: 24_000 },
};

describe('the notice about a plan threshold', () => {
  it('has the facts and the ID of its audit event', () => {
    expect(planNoticeOf(EVENT)).toEqual({
      noticeId: 'evt_1',
      workspaceId: 'w'.repeat(12),
      at: '2026-11-23T12:00:00.000Z',
      percent: 80,
      period: '2026-11',
      plan: 'starter',
    });
  });

  it.each(AUDIT_EVENT_TYPES.filter((type) => type !== 'plan.threshold_reached'))(
    'is not made from %s',
    (type) => {
      expect(planNoticeOf({ ...EVENT, type })).toBeUndefined();
    },
  );
});
