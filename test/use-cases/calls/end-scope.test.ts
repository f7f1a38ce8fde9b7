import { describe, expect, it } from '@jest/globals';
import type { SessionId, SiteId } from '../../../lambdas/domain/identifiers.ts';
import { callEnder, keyScopeOf } from '../../../lambdas/use-cases/calls/end-live-calls.ts';
import { type EndScopePorts, endScope } from '../../../lambdas/use-cases/calls/end-scope.ts';
import type { EndScope, LiveSession } from '../../../lambdas/use-cases/ports/calls.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { ADDRESSES, NOW, SITE_ID, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aLiveCall, DOWN, messageText } from './call-fixture.ts';

const OTHER_SITE_ID = `${WORKSPACE_ID}000000000001` as SiteId;
const live = (name: string, facts: Partial<LiveSession> = {}) =>
  aLiveCall({ sessionId: name as SessionId, ...facts });

/** One of each kind of session of a workspace. */
const ALL = [
  live('workspace key'),
  live('older workspace key', { fingerprint: 'older' }),
  live('site key', { keyScope: 'site', keyScopeId: SITE_ID, fingerprint: 'site' }),
  live('other site', { siteId: OTHER_SITE_ID, turnByTurn: true, startedAt: '2026-11-30T12:00:00.000Z' }),
  live('managed', {
    mode: 'managed',
    keyScope: 'platform',
    keyScopeId: 'platform',
    fingerprint: 'platform',
  }),
  live('token', { openedWith: 'token' }),
];

const worldOf = (sessions: readonly LiveSession[], own: Partial<EndScopePorts> = {}) => {
  const log: string[] = [];
  const ports = strictPorts<EndScopePorts>({
    clock: () => NOW,
    live: { listLive: async (workspaceId) => (workspaceId === WORKSPACE_ID ? sessions : []) },
    records: {
      requestEnd: async (_siteId, sessionId, by) => {
        log.push(`mark ${sessionId} by ${by}`);
        return true;
      },
    },
    hangUps: {
      send: async (message, delay) => {
        log.push(
          `queue ${'sessionId' in message ? `${message.sessionId} ` : ''}${messageText(message, delay)}`,
        );
      },
    },
    ...own,
  });
  return { ports, log };
};

const marked = (log: readonly string[]): string[] =>
  log.filter((step) => step.startsWith('mark')).map((step) => step.slice(5, step.lastIndexOf(' by ')));

describe('ending the calls of a scope', () => {
  it.each<[string, EndScope, string[]]>([
    [
      'the whole workspace',
      { workspaceId: WORKSPACE_ID, all: true },
      ['workspace key', 'older workspace key', 'site key', 'other site', 'managed'],
    ],
    [
      'one site',
      { workspaceId: WORKSPACE_ID, siteId: SITE_ID },
      ['workspace key', 'older workspace key', 'site key', 'managed'],
    ],
    [
      'every own key',
      { workspaceId: WORKSPACE_ID, ownKeys: true, siteId: null },
      ['workspace key', 'older workspace key', 'site key', 'other site'],
    ],
    [
      'every own key, a call that reserved before the budget included',
      { workspaceId: WORKSPACE_ID, ownKeys: true, siteId: null, reservingSince: '2026-11-30T12:00:00.001Z' },
      ['workspace key', 'older workspace key', 'site key', 'other site'],
    ],
    [
      'every own key except calls that reserve since the budget',
      { workspaceId: WORKSPACE_ID, ownKeys: true, siteId: null, reservingSince: '2026-11-30T12:00:00.000Z' },
      ['workspace key', 'older workspace key', 'site key'],
    ],
    [
      'the own keys on one site',
      { workspaceId: WORKSPACE_ID, ownKeys: true, siteId: OTHER_SITE_ID },
      ['other site'],
    ],
    [
      'every version of a key',
      keyScopeOf(ADDRESSES.workspace),
      ['workspace key', 'older workspace key', 'other site'],
    ],
    [
      'one version of a key',
      {
        workspaceId: WORKSPACE_ID,
        keyScope: 'workspace',
        keyScopeId: WORKSPACE_ID,
        fingerprint: 'older',
      },
      ['older workspace key'],
    ],
  ])('of %s ends them, and no session of a client secret', async (_, scope, expected) => {
    const { ports, log } = worldOf(ALL);
    expect(await endScope(ports)(scope, 'operator')).toBe(expected.length);
    expect(marked(log)).toEqual(expected);
  });

  it('marks a call before its hang-up is queued, so that it cannot be handed out meanwhile', async () => {
    const { ports, log } = worldOf([live('one')]);
    await endScope(ports)({ workspaceId: WORKSPACE_ID, all: true }, 'key_suspended');
    expect(log).toEqual(['mark one by key_suspended', 'queue one end by key_suspended in 0 s']);
  });

  it('queues no hang-up for a call whose record is gone', async () => {
    const { ports, log } = worldOf([live('one')], { records: { requestEnd: async () => false } });
    await endScope(ports)({ workspaceId: WORKSPACE_ID, all: true }, 'operator');
    expect(log).toEqual([]);
  });

  it('fails without a hang-up if a call cannot be marked, so that the message is repeated', async () => {
    const { ports, log } = worldOf([live('one')], { records: { requestEnd: () => Promise.reject(DOWN) } });
    await expect(endScope(ports)({ workspaceId: WORKSPACE_ID, all: true }, 'operator')).rejects.toBe(DOWN);
    expect(log).toEqual([]);
  });

  it('reaches every call of a full workspace, at most 25 at the same time', async () => {
    let underway = 0;
    let most = 0;
    const { ports, log } = worldOf(
      Array.from({ length: 60 }, (_, index) => live(`call ${index}`)),
      {
        records: {
          requestEnd: async () => {
            most = Math.max(most, ++underway);
            await Promise.resolve();
            underway -= 1;
            return true;
          },
        },
      },
    );
    expect(await endScope(ports)({ workspaceId: WORKSPACE_ID, all: true }, 'operator')).toBe(60);
    expect(new Set(log).size).toBe(60);
    expect(most).toBe(25);
  });
});

describe('a request to end the calls of a scope', () => {
  const scope = keyScopeOf(ADDRESSES.site);

  it('returns the number of calls, and queues the scope twice, so that the second pass finds calls that were being opened', async () => {
    const { ports, log } = worldOf(ALL);
    expect(await callEnder(ports).end(scope, 'key_deleted')).toBe(1);
    expect(log).toEqual(['queue scope by key_deleted in 0 s', 'queue scope by key_deleted in 30 s']);
  });

  it('is queued even if no call is live, because one may be opening', async () => {
    const { ports, log } = worldOf([]);
    expect(await callEnder(ports).end(scope, 'key_deleted')).toBe(0);
    expect(log).toHaveLength(2);
  });

  it('fails if the queue fails', async () => {
    const { ports } = worldOf(ALL, { hangUps: { send: () => Promise.reject(DOWN) } });
    await expect(callEnder(ports).end(scope, 'key_deleted')).rejects.toBe(DOWN);
  });
});
