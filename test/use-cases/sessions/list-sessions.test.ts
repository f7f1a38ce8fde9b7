import { describe, expect, it } from '@jest/globals';
import type { SessionId } from '../../../lambdas/domain/identifiers.ts';
import type { RecordedSession } from '../../../lambdas/domain/sessions/recorded-session.ts';
import { newSessionUsage, type SessionUsage } from '../../../lambdas/domain/sessions/session-usage.ts';
import type { BillingMode } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { SessionReader } from '../../../lambdas/use-cases/ports/sessions.ts';
import { listSessions, type SessionFilter } from '../../../lambdas/use-cases/sessions/list-sessions.ts';
import { readSession } from '../../../lambdas/use-cases/sessions/read-session.ts';
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

/** A session minted this many seconds after 2026-11-23T12:00Z. */
const minted = (
  seconds: number,
  state: RecordedSession['state'],
  mode: BillingMode = 'managed',
): RecordedSession => ({
  ...aSession({ mode, mintedMs: clockAt(seconds).getTime() }),
  workspaceId: WORKSPACE_ID,
  siteId: SITE_ID,
  state,
  refusal: state === 'refused' ? 'busy' : null,
  openAiFailure: null,
  endedBy: null,
});

/** Newest first, each with the state that it is shown in and what was reported of it. */
const SHOWN = [
  [minted(6, 'reserved'), 'reserved', undefined],
  [minted(5, 'refused'), 'refused', undefined],
  [minted(4, 'used', 'byok'), 'used', undefined],
  [minted(3, 'issued'), 'live', [connected(4)]],
  [minted(2, 'issued', 'byok'), 'ended', [connected(3), ended(63)]],
  [minted(1, 'issued'), 'issued', undefined],
] as const;
const SESSIONS = SHOWN.map(([session]) => session);
const STATES = SHOWN.map(([, state]) => state);
const METERS = new Map<SessionId, SessionUsage>();
for (const [session, , reports] of SHOWN)
  if (reports !== undefined)
    METERS.set(session.sessionId, take(newSessionUsage(session), onTime(reports)).usage);

/** The sessions as their table holds them, and all that is asked of it. */
const siteOf = () => {
  const asked: string[] = [];
  const sessions: SessionReader = {
    listSessions: async ({ siteId }, { from, before }, page) => {
      asked.push(`${page.limit} of ${siteId} from ${from.toISOString()} before ${before.toISOString()}`);
      return pageOf(SESSIONS, ({ sessionId }) => sessionId, page);
    },
    positionOfSession: ({ sessionId }) => sessionId,
    readSession: async ({ siteId }, id) => {
      asked.push(`session ${id}`);
      return SESSIONS.find((session) => session.siteId === siteId && session.sessionId === id);
    },
    readSessionUsage: async (siteId, ids) => {
      asked.push(`meters of ${ids.length} of ${siteId}`);
      return new Map([...METERS].filter(([id]) => ids.includes(id)));
    },
  };
  const ports = { ...tenancyWith({ sites: [aSite()] }).ports, sessions };
  const list = async (filter: SessionFilter = {}, limit = 10, after?: string) => {
    const { items, next } = await listSessions(ports)(CALLER, SITE_ID, filter, { limit, after });
    return { items, next, found: items.map(({ session }) => SESSIONS.indexOf(session)) };
  };
  return { asked, list, read: (id: string) => readSession(ports)(CALLER, SITE_ID, id) };
};

describe('the list of sessions of a site', () => {
  it('shows the reported state or the state after the mint, and reads the usage only of issued sessions', async () => {
    const { asked, list } = siteOf();
    const { items, next, found } = await list();
    expect(found).toEqual([0, 1, 2, 3, 4, 5]);
    expect(items.map(({ state }) => state)).toEqual(STATES);
    expect(next).toBeUndefined();
    expect(asked).toEqual([expect.stringMatching(/^10 of/), `meters of 3 of ${SITE_ID}`]);
  });

  it('shows the receipt of the reported usage, which is empty without an event', async () => {
    const { items } = await siteOf().list();
    expect(items.slice(4)).toMatchObject([
      { receipt: { seconds: 60, endReason: 'hung_up', connectedAt: '2026-11-23T12:00:03.000Z' } },
      { receipt: { seconds: 0, endReason: null, connectedAt: null, payer: 'managed', state: 'issued' } },
    ]);
  });

  it.each<[SessionFilter, readonly number[]]>([
    ...STATES.map((state, index): [SessionFilter, readonly number[]] => [{ state }, [index]]),
    [{ mode: 'byok' }, [2, 4]],
    [{ mode: 'managed', state: 'live' }, [3]],
    [{ mode: 'byok', state: 'live' }, []],
  ])('for the filter %j has the sessions %j, from reads of 100', async (filter, kept) => {
    const { asked, list } = siteOf();
    expect((await list(filter)).found).toEqual(kept);
    expect(asked[0]).toMatch(/^100 of/);
  });

  it.each<[SessionFilter, readonly number[]]>([
    [{}, [0, 1]],
    [{ mode: 'byok' }, [2, 4]],
  ])('for the filter %j continues after the last returned session: %j', async (filter, [one, two]) => {
    const { list } = siteOf();
    const first = await list(filter, 1);
    expect(first.found).toEqual([one]);
    expect((await list(filter, 1, first.next)).found).toEqual([two]);
  });

  it.each([
    [{}, '1970-01-01', '9999-01-01'],
    [{ from: '2026-11-20' }, '2026-11-20', '2026-11-24'],
    [{ to: '2026-10-31' }, '2026-10-01', '2026-11-01'],
    [{ from: '2026-11-23', to: '2026-11-23' }, '2026-11-23', '2026-11-24'],
  ])('for the days %j reads sessions from %s until %s begins', async (filter, from, before) => {
    const { asked, list } = siteOf();
    await list(filter);
    expect(asked[0]).toBe(`10 of ${SITE_ID} from ${from}T00:00:00.000Z before ${before}T00:00:00.000Z`);
  });

  it('refuses impossible days without a read', async () => {
    const { asked, list } = siteOf();
    expect(await outcomeOf(list({ from: '2026-11-24' }))).toBe('invalid_request');
    expect(asked).toEqual([]);
  });
});

describe('one session of a site', () => {
  it('is found by its ID, as it is in the list', async () => {
    const { list, read } = siteOf();
    for (const item of (await list()).items) expect(await read(item.session.sessionId)).toEqual(item);
  });

  it('is not found by an unknown ID, and not read for text that is not an ID', async () => {
    const { asked, read } = siteOf();
    const other = minted(60, 'issued').sessionId;
    for (const id of [other, 'ses_1']) expect(await outcomeOf(read(id))).toBe('session_not_found');
    expect(asked).toEqual([`session ${other}`]);
  });
});
