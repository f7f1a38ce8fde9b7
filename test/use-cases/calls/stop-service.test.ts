import { describe, expect, it } from '@jest/globals';
import type { AuditEvent } from '../../../lambdas/domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../../lambdas/domain/identifiers.ts';
import { type StopPorts, stopService } from '../../../lambdas/use-cases/calls/stop-service.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { DOWN } from './call-fixture.ts';

const OTHER = 'ba9876543210' as WorkspaceId;
const OPERATOR = { sub: 'operator', sourceIp: '192.0.2.1' };

/** One stop or resumption; what it returned, and each write with its subject. */
const done = async (
  what: Parameters<ReturnType<typeof stopService>>[1],
  workspaceId: WorkspaceId | undefined,
  own: Partial<StopPorts> = {},
) => {
  const log: unknown[][] = [];
  const events: unknown[] = [];
  const result = await stopService(
    strictPorts<StopPorts>({
      stops: {
        stop: async (stopped) => void log.push(['stop', stopped]),
        resume: async (resumed) => void log.push(['resume', resumed]),
        listLiveWorkspaces: async () => [WORKSPACE_ID, OTHER],
      },
      hangUps: {
        send: async (message, delay = 0) =>
          void log.push(['queue', 'scope' in message && message.scope, delay]),
      },
      auditEvents: {
        event: async (caller, type, subject) => {
          events.push({ sub: caller.sub, type, ...subject });
          return {} as AuditEvent;
        },
      },
      ...own,
    }),
  )(OPERATOR, what, workspaceId).catch((error: unknown) => error);
  return { result, log, events };
};

const passes = (workspaceId: WorkspaceId) => [
  ['queue', { workspaceId, all: true }, 0],
  ['queue', { workspaceId, all: true }, 30],
];

describe('the operator', () => {
  it('who stops the sessions of one workspace ends no call', async () => {
    expect(await done('sessions', WORKSPACE_ID)).toMatchObject({ result: 0, log: [['stop', WORKSPACE_ID]] });
  });

  it('who stops the calls of one workspace first refuses new ones, and then ends the live ones in two passes', async () => {
    expect(await done('calls', WORKSPACE_ID)).toMatchObject({
      result: 1,
      log: [['stop', WORKSPACE_ID], ...passes(WORKSPACE_ID)],
    });
  });

  it('who stops the calls of the stage ends those of every workspace with live sessions', async () => {
    expect(await done('calls', undefined)).toMatchObject({
      result: 2,
      log: [['stop', undefined], ...passes(WORKSPACE_ID), ...passes(OTHER)],
    });
  });

  it('who resumes the service ends no call', async () => {
    expect(await done('resume', undefined)).toMatchObject({ result: 0, log: [['resume', undefined]] });
  });

  it.each([
    ['calls', WORKSPACE_ID, WORKSPACE_ID, 'service.stopped', 'workspace'],
    ['sessions', undefined, 'platform', 'service.stopped', 'stage'],
    ['resume', undefined, 'platform', 'service.resumed', 'stage'],
  ] as const)(
    'who orders %s for %s records an event in the audit trail of %s',
    async (what, subject, chain, type, scope) => {
      const { events } = await done(what, subject);
      expect(events).toEqual([{ sub: 'operator', type, workspaceId: chain, facts: { what, scope } }]);
    },
  );

  it('ends no call if the stop cannot be written', async () => {
    const stops = {
      stop: () => Promise.reject(DOWN),
      resume: () => Promise.reject(DOWN),
      listLiveWorkspaces: async () => [WORKSPACE_ID],
    };
    expect(await done('calls', WORKSPACE_ID, { stops })).toMatchObject({ result: DOWN, log: [] });
  });
});
