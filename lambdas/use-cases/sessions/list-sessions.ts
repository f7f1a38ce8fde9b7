import type { SiteId } from '../../domain/identifiers.ts';
import { type Receipt, receiptOf } from '../../domain/sessions/receipt.ts';
import type { RecordedSession } from '../../domain/sessions/recorded-session.ts';
import type { SessionState } from '../../domain/sessions/session.ts';
import { newSessionUsage } from '../../domain/sessions/session-usage.ts';
import { isKept } from '../../domain/tenancy/retention.ts';
import type { BillingMode, Caller } from '../../domain/tenancy/workspace.ts';
import { type DayRange, dayRange, endOfDay } from '../../domain/usage/usage.ts';
import { filteredPage } from '../filtered-page.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MeteredSession, SessionReader } from '../ports/sessions.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeSite } from '../tenancy/authorize.ts';

/** A session with its outcome. */
export interface ReceiptedSession {
  readonly session: RecordedSession;
  readonly state: SessionState;
  readonly receipt: Receipt;
}

export interface SessionFilter {
  readonly state?: SessionState | undefined;
  readonly mode?: BillingMode | undefined;
  /** UTC days of its mint, both inclusive. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export interface SessionListPorts {
  readonly clock: Clock;
  readonly tenancy: MembershipReader;
  readonly sessions: SessionReader;
}

/** Maximum number of items in one batch read. */
const FILTERED_READ = 100;

/** Viewer. Sessions of a site, newest first, each with its receipt. */
export const listSessions =
  ({ clock, tenancy, sessions }: SessionListPorts) =>
  async (
    caller: Caller,
    siteId: SiteId,
    filter: SessionFilter,
    request: PageRequest,
  ): Promise<Page<ReceiptedSession>> => {
    const { site } = await authorizeSite(tenancy, caller, siteId, 'viewer');
    const now = clock();
    const { from, to } = sessionDays(filter, now);
    const between = { from: new Date(from), before: endOfDay(to) };
    const { state, mode } = filter;
    const filtered = state !== undefined || mode !== undefined;
    return filteredPage<ReceiptedSession>(request, {
      readSize: filtered ? FILTERED_READ : request.limit,
      read: async (page) => {
        const { items, next } = await sessions.listSessions(site, between, page);
        return { items: await receipted(sessions, siteId, items), next };
      },
      matches: (found) =>
        isKept(found.session, now) &&
        (state === undefined || found.state === state) &&
        (mode === undefined || found.session.mode === mode),
      positionOf: ({ session }) => sessions.positionOfSession(session),
    });
  };

/** Without a day: all sessions that are still stored. */
export const sessionDays = ({ from, to }: Pick<SessionFilter, 'from' | 'to'>, now: Date): DayRange =>
  from === undefined && to === undefined
    ? { from: '1970-01-01', to: '9998-12-31' }
    : dayRange({ from, to }, now);

/** Sessions of one site, each with its receipt; at most 100. */
export const receipted = async (
  sessions: SessionReader,
  siteId: SiteId,
  found: readonly RecordedSession[],
): Promise<readonly ReceiptedSession[]> => {
  const issued = found.filter(({ state }) => state === 'issued').map(({ sessionId }) => sessionId);
  const meters = await sessions.readSessionUsage(siteId, issued);
  return found.map((session) => withReceipt({ session, usage: meters.get(session.sessionId) }));
};

/** Without usage, it has the receipt of a session that never connected. */
export const withReceipt = ({ session, usage }: MeteredSession): ReceiptedSession => {
  const receipt = receiptOf(usage ?? newSessionUsage(session));
  return { session, state: session.state === 'issued' ? receipt.state : session.state, receipt };
};

/** Viewer. One session of the site; undefined if it has none with this id. */
export const receiptedSession = async (
  sessions: SessionReader,
  ...[site, sessionId]: Parameters<SessionReader['readSession']>
): Promise<ReceiptedSession | undefined> => {
  const session = await sessions.readSession(site, sessionId);
  if (session === undefined) return undefined;
  const [found] = await receipted(sessions, site.siteId, [session]);
  return found;
};
