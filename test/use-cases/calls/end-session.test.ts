import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import type { Role } from '../../../lambdas/domain/tenancy/workspace.ts';
import { type EndSessionPorts, endSession } from '../../../lambdas/use-cases/calls/end-session.ts';
import type { EndableSession } from '../../../lambdas/use-cases/ports/calls.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aMember, aSite, aWorkspace, outcomeOf, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aCall, aCallSession, DOWN, messageText, SESSION_ID } from './call-fixture.ts';

const aSession = (facts: Partial<EndableSession> = {}): EndableSession => ({
  ...aCall(),
  endedAt: undefined,
  ...facts,
});
const withToken = (facts: Partial<EndableSession> = {}) =>
  aSession({ session: aCallSession({ openedWith: 'token' }), callId: undefined, ...facts });

/** Presses the button; its outcome, and what was written. */
const pressed = ({
  /** null: there is no such session. */
  session = aSession() as EndableSession | null,
  sessionId = SESSION_ID as string,
  role = 'admin' as Role,
  own = {} as Partial<EndSessionPorts>,
} = {}) => {
  const log: unknown[] = [];
  const ports = strictPorts<EndSessionPorts>({
    tenancy: {
      readMembership: () => Promise.reject(new Error('not asked for a workspace')),
      readSiteMembership: async () => ({
        workspace: aWorkspace(),
        site: aSite(),
        member: aMember(role),
      }),
    },
    auditEvents: {
      event: async (caller, type, subject) => ({ caller, type, ...subject }) as unknown as AuditEvent,
    },
    records: {
      readSession: async () => session ?? undefined,
      orderEnd: async (_siteId, id, by, event) => {
        log.push(['order', id, by, event]);
        return true;
      },
    },
    hangUps: { send: async (...sent) => void log.push(['queue', messageText(...sent)]) },
    ...own,
  });
  const caller = { sub: 'admin', sourceIp: '192.0.2.1' };
  return { run: endSession(ports)(caller, SITE_ID, sessionId), log };
};

describe('a person who ends a session', () => {
  it('records the request with its audit event before the hang-up is queued', async () => {
    const { run, log } = pressed();
    expect(await run).toBe(true);
    expect(log).toEqual([
      [
        'order',
        SESSION_ID,
        'operator',
        {
          caller: { sub: 'admin', sourceIp: '192.0.2.1' },
          type: 'session.end_requested',
          workspaceId: WORKSPACE_ID,
          siteId: SITE_ID,
          facts: { session_id: SESSION_ID },
        },
      ],
      ['queue', 'end by operator in 0 s'],
    ]);
  });

  it('queues nothing if the request cannot be recorded', async () => {
    const readSession = async () => aSession();
    const { run, log } = pressed({ own: { records: { readSession, orderEnd: () => Promise.reject(DOWN) } } });
    expect(await outcomeOf(run)).toBe(DOWN);
    expect(log).toEqual([]);
  });

  it('can repeat the request after a queue failure: the record is kept, and the hang-up is queued', async () => {
    const { run } = pressed({ own: { hangUps: { send: () => Promise.reject(DOWN) } } });
    expect(await outcomeOf(run)).toBe(DOWN);
    const again = pressed({ session: aSession({ endRequested: 'operator' }) });
    expect(await again.run).toBe(true);
    expect(again.log).toContainEqual(['queue', 'end by operator in 0 s']);
  });

  it.each([
    ['was refused', aSession({ state: 'refused' })],
    ['was ended', aSession({ endedBy: 'visitor' })],
    ['belongs to a client secret and has ended', withToken({ endedAt: '2026-11-23T12:00:00.000Z' })],
  ])('changes nothing if the session %s', async (_, session) => {
    const { run, log } = pressed({ session });
    expect(await run).toBe(false);
    expect(log).toEqual([]);
  });

  it('gets not_endable for the session of a client secret', async () => {
    const { run, log } = pressed({ session: withToken() });
    expect(await outcomeOf(run)).toBe('not_endable');
    expect(log).toEqual([]);
  });

  it('gets session_not_found for an unknown session', async () => {
    const { run, log } = pressed({ session: null });
    expect(await outcomeOf(run)).toBe('session_not_found');
    expect(log).toEqual([]);
  });

  it('gets session_not_found for text that is not an ID, without a read', async () => {
    const { run } = pressed({
      sessionId: '../ses_1',
      own: {
        records: {
          readSession: () => Promise.reject(new Error('read')),
          orderEnd: () => Promise.reject(new Error('written')),
        },
      },
    });
    expect(await outcomeOf(run)).toBe('session_not_found');
  });

  it('must be an admin', async () => {
    const { run, log } = pressed({ role: 'viewer' });
    expect(await outcomeOf(run)).toBe('forbidden');
    expect(log).toEqual([]);
  });
});
