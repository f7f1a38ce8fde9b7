import { describe, expect, it } from '@jest/globals';
import type { SessionId, SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { RecordedSession } from '../../../lambdas/domain/sessions/recorded-session.ts';
import { newSessionUsage, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import type { SessionReader, WorkspaceSessionReader } from '../../../lambdas/use-cases/ports/sessions.ts';
import {
  listWorkspaceSessions,
  type WorkspaceSessionFilter,
} from '../../../lambdas/use-cases/sessions/list-workspace-sessions.ts';
import {
  aSession,
  clockAt,
  connected,
  ended,
  onTime,
  take,
} from '../../domain/sessions/session-usage-fixture.ts';
import { CALLER, pageOf, tenancyWith } from '../tenancy/tenancy-fixture.ts';
import { aSite, outcomeOf, SITE_ID, WORKSPACE_ID } from './token-fixture.ts';

const CALL_ID = 'rtc_u0_00000000000000000000';
const OTHER_SITE = `${WORKSPACE_ID}${'z'.repeat(12)}` as SiteId;

const minted = (seconds: number, change: Partial<RecordedSession> = {}): RecordedSession => ({
  ...aSession({ mode: 'byok', mintedMs: clockAt(seconds).getTime() }),
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  state: 'issued',
  refusal: null,
  openAiFailure: null,
  endedBy: null,
  ...change,
});

const watchOf = (gapless: boolean): SessionUsage['watch'] => ({
  generation: 1,
  untilMs: 0,
  callId: 'rtc_00000000000000000000' as never,
  openedAtMs: 0,
  seenAtMs: 0,
  countedUntilMs: null,
  closedAtMs: clockAt(40).getTime(),
  attached: true,
  gapless,
  awaited: null,
  answeredTurn: null,
  claimed: newSessionUsage(minted(0)).counted,
  claimedResponses: 0,
});

const meterOf = (session: RecordedSession, change: Partial<SessionUsage> = {}): SessionUsage => ({
  ...take(newSessionUsage(session), onTime([connected(4), ended(34)])).usage,
  ...change,
});

/** Newest first. */
const SESSIONS = [
  minted(6, { state: 'refused', refusal: 'busy' }),
  minted(5, { siteId: OTHER_SITE }),
  minted(4, { openedWith: 'call', endedBy: 'operator' }),
  minted(3, { openedWith: 'call' }),
  minted(2, { siteId: OTHER_SITE }),
  minted(1, { mode: 'managed' }),
];
const at = (index: number): RecordedSession => {
  const session = SESSIONS[index];
  if (session === undefined) throw new Error(`There is no session ${index}.`);
  return session;
};
const METERS = new Map<SessionId, SessionUsage>([
  [at(2).sessionId, meterOf(at(2), { watch: watchOf(false) })],
  [at(3).sessionId, meterOf(at(3), { watch: watchOf(true) })],
  [at(4).sessionId, meterOf(at(4), { flags: ['tokens_out_of_bounds'] })],
]);

const metered = (session: RecordedSession) => ({ session, usage: METERS.get(session.sessionId) });

const workspaceOf = () => {
  const asked: string[] = [];
  const workspaceSessions: WorkspaceSessionReader = {
    listSessions: async (workspaceId, { from, before, order }, page) => {
      asked.push(`${page.limit} of ${workspaceId} ${order} ${from.toISOString()} ${before.toISOString()}`);
      const { items, next } = pageOf(SESSIONS, ({ sessionId }) => sessionId, page);
      return { items: items.map(metered), next };
    },
    findSession: async (_, id) => {
      asked.push(`session ${id}`);
      const found = SESSIONS.find(({ sessionId }) => sessionId === id);
      return found && metered(found);
    },
    findCall: async (_, callId) => {
      asked.push(`call ${callId}`);
      return callId === CALL_ID ? metered(at(2)) : undefined;
    },
    positionOf: ({ sessionId }) => sessionId,
  };
  const sessions: SessionReader = {
    listSessions: async ({ siteId }, { order }, page) => {
      asked.push(`${page.limit} of ${siteId} ${order}`);
      const own = SESSIONS.filter((session) => session.siteId === siteId);
      return pageOf(own, ({ sessionId }) => sessionId, page);
    },
    positionOfSession: ({ sessionId }) => sessionId,
    readSession: async () => undefined,
    readSessionUsage: async (_, ids) => new Map([...METERS].filter(([id]) => ids.includes(id))),
  };
  const ports = { ...tenancyWith({ sites: [aSite()] }).ports, sessions, workspaceSessions };
  const list = async (filter: Partial<WorkspaceSessionFilter> = {}, limit = 10, after?: string) => {
    const whole = { order: 'newest_first', ...filter } as const;
    const page = await listWorkspaceSessions(ports)(CALLER, WORKSPACE_ID, whole, { limit, after });
    return { ...page, found: page.items.map(({ session }) => SESSIONS.indexOf(session)) };
  };
  return { asked, list };
};

describe('the list of sessions of a workspace', () => {
  it('reads only the requested number if an index answers', async () => {
    const { asked, list } = workspaceOf();
    expect((await list({}, 10)).found).toEqual([0, 1, 2, 3, 4, 5]);
    expect((await list({ order: 'oldest_first', from: '2026-11-20' }, 10)).searchedTo).toBeUndefined();
    expect(asked).toEqual([
      `10 of ${WORKSPACE_ID} newest_first 1970-01-01T00:00:00.000Z 9999-01-01T00:00:00.000Z`,
      `10 of ${WORKSPACE_ID} oldest_first 2026-11-20T00:00:00.000Z 2026-11-24T00:00:00.000Z`,
    ]);
  });

  it.each<[Partial<WorkspaceSessionFilter>, readonly number[]]>([
    [{ state: 'refused' }, [0]],
    [{ state: 'ended' }, [2, 3, 4]],
    [{ mode: 'managed' }, [5]],
    [{ openedWith: 'call' }, [2, 3]],
    [{ openedWith: 'token' }, [0, 1, 4, 5]],
    [{ endReason: 'hung_up' }, [2, 3, 4]],
    [{ endReason: 'silence' }, []],
    [{ endedBy: 'operator' }, [2]],
    [{ problem: 'refused' }, [0]],
    [{ problem: 'flagged' }, [4]],
    [{ problem: 'incomplete' }, [2]],
  ])('for the filter %j has the sessions %j, from reads of 100', async (filter, kept) => {
    const { asked, list } = workspaceOf();
    expect((await list(filter)).found).toEqual(kept);
    expect(asked[0]).toMatch(/^100 of/);
  });

  it('for one site reads the list of that site, and filters it', async () => {
    const { asked, list } = workspaceOf();
    expect((await list({ siteId: OTHER_SITE })).found).toEqual([1, 4]);
    expect((await list({ siteId: OTHER_SITE, problem: 'flagged' })).found).toEqual([4]);
    expect(asked).toEqual([`10 of ${OTHER_SITE} newest_first`, `100 of ${OTHER_SITE} newest_first`]);
  });

  it.each([`y${SITE_ID.slice(1)}`, 'unknown-site', 'abcdefgh'])(
    'refuses the site %s of another workspace without a read',
    async (siteId) => {
      const { asked, list } = workspaceOf();
      expect(await outcomeOf(list({ siteId }))).toBe('site_not_found');
      expect(asked).toEqual([]);
    },
  );

  it('returns how far it has searched, and later pages have no session before that point', async () => {
    const { list } = workspaceOf();
    const first = await list({ openedWith: 'call' }, 1);
    expect([first.found, first.searchedTo]).toEqual([[2], at(2).createdAt]);
    const second = await list({ openedWith: 'call' }, 1, first.next);
    expect([second.found, second.searchedTo]).toEqual([[3], at(3).createdAt]);
    const none = await list({ openedWith: 'call' }, 1, second.next);
    expect([none.found, none.searchedTo, none.next]).toEqual([[], undefined, undefined]);
  });

  it('continues after the last returned session', async () => {
    const { list } = workspaceOf();
    const first = await list({ openedWith: 'call' }, 1);
    expect(first.found).toEqual([2]);
    const second = await list({ openedWith: 'call' }, 1, first.next);
    expect(second.found).toEqual([3]);
    const ofSite = await list({ siteId: OTHER_SITE, state: 'issued' }, 1);
    expect((await list({ siteId: OTHER_SITE }, 1, ofSite.next)).found).toEqual([4]);
  });

  it('finds a session by its ID in one read, if it matches the other filters', async () => {
    const { asked, list } = workspaceOf();
    const { sessionId } = at(4);
    expect((await list({ sessionId })).found).toEqual([4]);
    expect((await list({ sessionId, siteId: OTHER_SITE })).found).toEqual([4]);
    expect((await list({ sessionId, siteId: SITE_ID })).found).toEqual([]);
    expect((await list({ sessionId, state: 'live' })).found).toEqual([]);
    expect((await list({ sessionId: minted(60).sessionId })).found).toEqual([]);
    expect(asked.slice(0, 4)).toEqual(new Array(4).fill(`session ${sessionId}`));
    const before = asked.length;
    expect((await list({ sessionId: 'ses_1' })).found).toEqual([]);
    expect(asked).toHaveLength(before);
  });

  it('finds a session by the OpenAI call ID in one read, if it matches the other filters', async () => {
    const { asked, list } = workspaceOf();
    expect((await list({ callId: CALL_ID })).found).toEqual([2]);
    expect((await list({ callId: CALL_ID, siteId: OTHER_SITE })).found).toEqual([]);
    expect((await list({ callId: CALL_ID, sessionId: at(2).sessionId })).found).toEqual([2]);
    expect((await list({ callId: CALL_ID, sessionId: at(3).sessionId })).found).toEqual([]);
    expect((await list({ callId: `${CALL_ID}0` })).found).toEqual([]);
    expect(asked).toEqual([...new Array(4).fill(`call ${CALL_ID}`), `call ${CALL_ID}0`]);
    expect((await list({ callId: 'rtc_../..' })).found).toEqual([]);
    expect(asked).toHaveLength(5);
  });
});
