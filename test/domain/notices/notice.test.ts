import { describe, expect, it } from '@jest/globals';
import {
  AUDIT_EVENT_TYPES,
  type AuditEvent,
  type AuditFacts,
} from '../../../lambdas/domain/audit/audit-record.ts';
import { NOTICE_TYPES, noticeOf, sessionEndedNotice } from '../../../lambdas/domain/notices/notice.ts';

const anEvent = (type: AuditEvent['type'], facts: AuditFacts = {}): AuditEvent => ({
  eventId: 'evt_1',
  workspaceId: '0123456789ab',
  type,
  at: '2026-11-23T12:00:00.000Z',
  actor: 'system:detector',
  siteId: '0123456789abcdefghjkmnpq',
  sessionId: null,
  ipHash: 'keyed hash of an address',
  facts,
});

describe('the notice made from an audit event', () => {
  it('has the ID, place, time and facts of the event, but neither its actor nor an address', () => {
    const facts = { scope: 'site', version: 3, masked: 'sk-…abcd' };
    expect(noticeOf(anEvent('key.suspended', facts))).toEqual({
      eventId: 'evt_1',
      type: 'key.suspended',
      workspaceId: '0123456789ab',
      siteId: '0123456789abcdefghjkmnpq',
      sessionId: null,
      at: '2026-11-23T12:00:00.000Z',
      listedAt: '2026-11-23T12:00:00.000Z',
      facts,
    });
  });

  it('is key.failing for an anomaly of authentication failures, and anomaly.detected for the other kinds', () => {
    expect(noticeOf(anEvent('anomaly.detected', { kind: 'auth_failures' }))?.type).toBe('key.failing');
    for (const kind of ['mint_burst', 'new_origin', '', 'AUTH_FAILURES', true])
      expect(noticeOf(anEvent('anomaly.detected', { kind }))?.type).toBe('anomaly.detected');
    expect(noticeOf(anEvent('anomaly.detected'))?.type).toBe('anomaly.detected');
  });

  it('exists for every notice type except session ends, which are not audit events', () => {
    const found = AUDIT_EVENT_TYPES.map((type) => noticeOf(anEvent(type))?.type);
    const kinds = new Set([...found, noticeOf(anEvent('anomaly.detected', { kind: 'auth_failures' }))?.type]);
    kinds.delete(undefined);
    expect([...kinds].sort()).toEqual(NOTICE_TYPES.filter((type) => type !== 'session.ended').sort());
  });

  it.each(['member.saved', 'key.stored', 'site.created'] as const)(
    'does not exist for the event type %s',
    (type) => {
      expect(noticeOf(anEvent(type))).toBeUndefined();
    },
  );
});

describe('the notice of an ended session', () => {
  const session = {
    workspaceId: '0123456789ab',
    siteId: '0123456789abcdefghjkmnpq',
    sessionId: 'ses_1',
    createdAt: '2026-11-23T12:00:00.000Z',
    endedAt: '2026-11-23T12:05:00.000Z',
  };

  it('is dated at the end of the session, and listed at its start, which no correction changes', () => {
    expect(sessionEndedNotice(session)).toEqual({
      eventId: 'ses_1:ended',
      type: 'session.ended',
      workspaceId: '0123456789ab',
      siteId: '0123456789abcdefghjkmnpq',
      sessionId: 'ses_1',
      at: '2026-11-23T12:05:00.000Z',
      listedAt: '2026-11-23T12:00:00.000Z',
      facts: {},
    });
  });

  it('is the same notice when the end of the session is corrected', () => {
    const corrected = sessionEndedNotice({ ...session, endedAt: '2026-11-23T12:04:00.000Z' });
    const { eventId, listedAt } = sessionEndedNotice(session);
    expect(corrected).toMatchObject({ eventId, listedAt });
  });
});
