import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Site } from '../../domain/tenancy/workspace.ts';
import type { SessionReader } from '../ports/sessions.ts';
import type { SiteLister } from '../ports/tenancy.ts';

/** Whether visitors have used the sites; null: not known, because older sessions were not read. */
export interface Visitors {
  /** A visitor has opened a session. */
  readonly sessionSeen: boolean | null;
  /** OpenAI has answered a visitor. */
  readonly talked: boolean | null;
}

/** Maximum number of sites that are searched. */
const SITES = 25;

/** Number of sites that are searched at a time, before deciding whether to continue. */
const TOGETHER = 5;

/** Number of latest sessions of each site that are searched. */
const SESSIONS = 20;

const EVER = { from: new Date(0), before: new Date('9998-12-31') };

interface Ports {
  readonly tenancy: SiteLister;
  readonly sessions: Pick<SessionReader, 'listSessions' | 'readSessionUsage'>;
}

/**
 * Looks for a visitor among the latest 20 sessions of each of the first 25 sites, and stops at the first visitor
 * whom OpenAI answered. Sessions that `ownOrigin` opened are not visitors.
 */
export const findVisitors = async (
  ports: Ports,
  workspaceId: WorkspaceId,
  ownOrigin: string | undefined,
): Promise<Visitors> => {
  const sites = await ports.tenancy.listSites(workspaceId, { limit: SITES, after: undefined });
  let sessionSeen = false;
  let isWhole = sites.next === undefined;
  for (let first = 0; first < sites.items.length; first += TOGETHER) {
    const found = await Promise.all(
      sites.items.slice(first, first + TOGETHER).map((site) => visitorsOf(ports.sessions, site, ownOrigin)),
    );
    if (found.some(({ talked }) => talked)) return { sessionSeen: true, talked: true };
    sessionSeen ||= found.some(({ seen }) => seen);
    isWhole &&= found.every(({ whole }) => whole);
  }
  return { sessionSeen: sessionSeen || (isWhole ? false : null), talked: isWhole ? false : null };
};

const visitorsOf = async (
  sessions: Ports['sessions'],
  site: Site,
  ownOrigin: string | undefined,
): Promise<{ readonly seen: boolean; readonly talked: boolean; readonly whole: boolean }> => {
  const { items, next } = await sessions.listSessions(site, EVER, { limit: SESSIONS, after: undefined });
  const ofVisitors = items.filter(
    ({ kind, state, origin }) =>
      kind === 'visitor' && state === 'issued' && (ownOrigin === undefined || origin !== ownOrigin),
  );
  const usages = await sessions.readSessionUsage(
    site.siteId,
    ofVisitors.map(({ sessionId }) => sessionId),
  );
  return {
    seen: ofVisitors.length > 0,
    talked: [...usages.values()].some(({ responses }) => responses > 0),
    whole: next === undefined,
  };
};
