import { BrokerError } from '../../domain/broker-error.ts';
import { type EndedBy, isCallId } from '../../domain/calls/call.ts';
import type { OpenedWith } from '../../domain/calls/control.ts';
import {
  isSessionId,
  isSiteId,
  type SiteId,
  type WorkspaceId,
  workspaceOfSite,
} from '../../domain/identifiers.ts';
import type { SessionOrder, SessionProblem, SessionState } from '../../domain/sessions/session.ts';
import type { EndReason } from '../../domain/sessions/session-usage.ts';
import { isKept } from '../../domain/tenancy/retention.ts';
import type { BillingMode, Caller } from '../../domain/tenancy/workspace.ts';
import { endOfDay } from '../../domain/usage/usage.ts';
import { filteredPage } from '../filtered-page.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MeteredSession, SessionReader, WorkspaceSessionReader } from '../ports/sessions.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';
import { type ReceiptedSession, receipted, sessionDays, withReceipt } from './list-sessions.ts';

export interface WorkspaceSessionFilter {
  readonly siteId?: string | undefined;
  readonly sessionId?: string | undefined;
  /** OpenAI's id of a call. */
  readonly callId?: string | undefined;
  /** UTC days of its mint, both inclusive. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly order: SessionOrder;
  readonly state?: SessionState | undefined;
  readonly mode?: BillingMode | undefined;
  readonly openedWith?: OpenedWith | undefined;
  readonly endReason?: EndReason | 'silence' | undefined;
  readonly endedBy?: EndedBy | undefined;
  readonly problem?: SessionProblem | undefined;
}

export interface SessionSearchPage extends Page<ReceiptedSession> {
  /** Mint time of the last session that was searched; undefined if none is left. */
  readonly searchedTo: string | undefined;
}

export interface WorkspaceSessionPorts {
  readonly clock: Clock;
  readonly tenancy: MembershipReader;
  readonly sessions: SessionReader;
  readonly workspaceSessions: WorkspaceSessionReader;
}

/** Maximum number of items in one batch read. */
const FILTERED_READ = 100;

/**
 * Viewer. Sessions of all sites of a workspace, each with its receipt. An index supports the site, the days, the order and
 * the session id; a separate item, the call id. The other filters are applied to at most 2,000 sessions per call; `searchedTo` is the position of the search.
 *
 * @throws BrokerError `site_not_found` for a site of another workspace.
 */
export const listWorkspaceSessions =
  ({ clock, tenancy, sessions, workspaceSessions }: WorkspaceSessionPorts) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
    filter: WorkspaceSessionFilter,
    request: PageRequest,
  ): Promise<SessionSearchPage> => {
    await authorizeWorkspace(tenancy, caller, workspaceId, 'viewer');
    const siteId = ownSite(filter.siteId, workspaceId);
    const now = clock();
    const days = sessionDays(filter, now);
    const isShown = (row: ReceiptedSession): boolean => isKept(row.session, now) && matches(row, filter);
    const within = { from: new Date(days.from), before: endOfDay(days.to), order: filter.order };
    const list =
      siteId === undefined
        ? listOfWorkspace(workspaceSessions, workspaceId, within)
        : listOfSite(sessions, { siteId, workspaceId }, within);
    if (filter.sessionId !== undefined || filter.callId !== undefined) {
      const found = await findOne(workspaceSessions, workspaceId, filter);
      const items = found === undefined ? [] : [withReceipt(found)].filter(isShown);
      return { items, next: undefined, searchedTo: undefined };
    }
    let lastRead: string | undefined;
    const page = await filteredPage<ReceiptedSession>(request, {
      readSize: isFiltered(filter) ? FILTERED_READ : request.limit,
      read: async (asked) => {
        const found = await list.read(asked);
        lastRead = found.items.at(-1)?.session.createdAt ?? lastRead;
        return found;
      },
      matches: isShown,
      positionOf: list.positionOf,
    });
    // A full page ends between rows that were read; the next one begins there.
    const shown = page.items.length === request.limit ? page.items.at(-1)?.session.createdAt : undefined;
    return { ...page, searchedTo: page.next === undefined ? undefined : (shown ?? lastRead) };
  };

/** The session that an id names. Two ids find it only if both name it. */
const findOne = async (
  reader: WorkspaceSessionReader,
  workspaceId: WorkspaceId,
  { sessionId, callId }: WorkspaceSessionFilter,
): Promise<MeteredSession | undefined> => {
  if (callId === undefined)
    return sessionId !== undefined && isSessionId(sessionId)
      ? reader.findSession(workspaceId, sessionId)
      : undefined;
  const found = isCallId(callId) ? await reader.findCall(workspaceId, callId) : undefined;
  return sessionId === undefined || found?.session.sessionId === sessionId ? found : undefined;
};

interface SessionSource {
  readonly read: (page: PageRequest) => Promise<Page<ReceiptedSession>>;
  readonly positionOf: (row: ReceiptedSession) => string;
}

type Within = Parameters<WorkspaceSessionReader['listSessions']>[1];

const listOfWorkspace = (
  reader: WorkspaceSessionReader,
  workspaceId: WorkspaceId,
  within: Within,
): SessionSource => ({
  read: async (page) => {
    const { items, next } = await reader.listSessions(workspaceId, within, page);
    return { items: items.map(withReceipt), next };
  },
  positionOf: ({ session }) => reader.positionOf(session),
});

const listOfSite = (
  reader: SessionReader,
  site: { readonly siteId: SiteId; readonly workspaceId: WorkspaceId },
  within: Within,
): SessionSource => ({
  read: async (page) => {
    const { items, next } = await reader.listSessions(site, within, page);
    return { items: await receipted(reader, site.siteId, items), next };
  },
  positionOf: ({ session }) => reader.positionOfSession(session),
});

const ownSite = (siteId: string | undefined, workspaceId: WorkspaceId): SiteId | undefined => {
  if (siteId === undefined) return undefined;
  if (!isSiteId(siteId) || workspaceOfSite(siteId) !== workspaceId) throw new BrokerError('site_not_found');
  return siteId;
};

const isFiltered = ({
  state,
  mode,
  openedWith,
  endReason,
  endedBy,
  problem,
}: WorkspaceSessionFilter): boolean =>
  [state, mode, openedWith, endReason, endedBy, problem].some((value) => value !== undefined);

const matches = ({ session, state, receipt }: ReceiptedSession, filter: WorkspaceSessionFilter): boolean =>
  (filter.siteId === undefined || session.siteId === filter.siteId) &&
  (filter.state === undefined || state === filter.state) &&
  (filter.mode === undefined || session.mode === filter.mode) &&
  (filter.openedWith === undefined || (session.openedWith ?? 'token') === filter.openedWith) &&
  (filter.endReason === undefined || receipt.endReason === filter.endReason) &&
  (filter.endedBy === undefined || session.endedBy === filter.endedBy) &&
  (filter.problem === undefined || hasProblem({ session, state, receipt }, filter.problem));

const hasProblem = ({ state, receipt }: ReceiptedSession, problem: SessionProblem): boolean => {
  switch (problem) {
    case 'refused':
      return state === 'refused';
    case 'flagged':
      return receipt.flags.length > 0;
    case 'incomplete':
      return state === 'ended' && receipt.usageSource === 'watched' && !receipt.usageComplete;
  }
};
