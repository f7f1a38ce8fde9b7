import { describe, expect, it } from '@jest/globals';
import type { SessionId, SiteId } from '../../../lambdas/domain/identifiers.ts';
import { newSessionUsage, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import { NO_TOKENS } from '../../../lambdas/domain/usage/token-counts.ts';
import { listLiveSessions } from '../../../lambdas/use-cases/calls/list-live-sessions.ts';
import type { LiveSession } from '../../../lambdas/use-cases/ports/calls.ts';
import type { MembershipReader } from '../../../lambdas/use-cases/ports/tenancy.ts';
import { strictPorts } from '../../support/strict-port.ts';
import { aMember, aWorkspace, NOW, outcomeOf, WORKSPACE_ID } from '../sessions/token-fixture.ts';
import { aCallSession, aLiveCall, DOWN } from './call-fixture.ts';

type Ports = Parameters<typeof listLiveSessions>[0];

const OTHER_SITE_ID = `${WORKSPACE_ID}000000000001` as SiteId;
const VIEWER = { sub: 'somebody', sourceIp: '192.0.2.1' };
const live = (name: string, facts: Partial<LiveSession> = {}) =>
  aLiveCall({ sessionId: name as SessionId, ...facts });
const meter = (name: string, facts: Partial<SessionUsage> = {}): SessionUsage => ({
  ...newSessionUsage(aCallSession({ sessionId: name as SessionId })),
  ...facts,
});

const listed = (
  sessions: readonly LiveSession[],
  meters: readonly SessionUsage[] = [],
  own: Partial<Ports> = {},
) => {
  const asked: [SiteId, number][] = [];
  const ports = strictPorts<Ports>({
    clock: () => NOW,
    tenancy: {
      readMembership: async () => ({ workspace: aWorkspace(), member: aMember('viewer') }),
    } as unknown as MembershipReader,
    live: { listLive: async () => sessions },
    meters: {
      readSessionUsage: async (siteId, ids) => {
        asked.push([siteId, ids.length]);
        return new Map(
          meters.filter(({ sessionId }) => ids.includes(sessionId)).map((one) => [one.sessionId, one]),
        );
      },
    },
    ...own,
  });
  return { run: listLiveSessions(ports)(VIEWER, WORKSPACE_ID), asked };
};

describe('the list of live sessions', () => {
  it('keeps the order of the records, and contains the time of the list', async () => {
    const { run } = listed([live('first'), live('second')]);
    const { at, items } = await run;
    expect(at).toBe(NOW);
    expect(items.map(({ sessionId }) => sessionId)).toEqual(['first', 'second']);
  });

  it('shows the cost of sessions with usage, and null for the others', async () => {
    const counted = { ...NO_TOKENS, audioOut: 1_000 };
    const { run } = listed([live('metered'), live('silent')], [meter('metered', { counted })]);
    const [metered, silent] = (await run).items;
    // 20 USD for a million tokens of speech, and a tenth more in a region.
    expect(metered?.costMicroCents).toBe(2_200_000);
    expect(silent?.costMicroCents).toBeNull();
  });

  it('omits a token session that has ended, and keeps a call until the broker has ended it', async () => {
    const over = { silent: true };
    const { run } = listed(
      [live('call'), live('token', { openedWith: 'token' }), live('open token', { openedWith: 'token' })],
      [meter('call', over), meter('token', over), meter('open token')],
    );
    expect((await run).items.map(({ sessionId }) => sessionId)).toEqual(['call', 'open token']);
  });

  it('reads the session usage per site, at most 100 at a time', async () => {
    const many = Array.from({ length: 101 }, (_, index) => live(`session ${index}`));
    const { run, asked } = listed([live('other', { siteId: OTHER_SITE_ID }), ...many]);
    expect((await run).items).toHaveLength(102);
    expect(asked.map(([, count]) => count).sort((a, b) => a - b)).toEqual([1, 1, 100]);
    expect(asked).toContainEqual([OTHER_SITE_ID, 1]);
  });

  it('reads no session usage if nothing is live', async () => {
    const { run, asked } = listed([]);
    expect((await run).items).toEqual([]);
    expect(asked).toEqual([]);
  });

  it('fails instead of showing a list without costs if the session usage cannot be read', async () => {
    const { run } = listed([live('one')], [], { meters: { readSessionUsage: () => Promise.reject(DOWN) } });
    expect(await outcomeOf(run)).toBe(DOWN);
  });

  it('is available only to members, and nothing is read for others', async () => {
    const { run } = listed([], [], {
      tenancy: {
        readMembership: async () => ({ workspace: aWorkspace(), member: undefined }),
      } as unknown as MembershipReader,
      live: { listLive: () => Promise.reject(new Error('read')) },
    });
    expect(await outcomeOf(run)).toBe('workspace_not_found');
  });
});
