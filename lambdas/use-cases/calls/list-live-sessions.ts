import type { SessionId, SiteId, WorkspaceId } from '../../domain/identifiers.ts';
import { receiptOf } from '../../domain/sessions/receipt.ts';
import { isOver, type SessionUsage } from '../../domain/sessions/session-usage.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { LiveSession, LiveSessionReader } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SessionReader } from '../ports/sessions.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeWorkspace } from '../tenancy/authorize.ts';

export interface RunningSession extends LiveSession {
  /** The cost so far at list prices, micro-cents; null: not known yet, or the model has no known price. */
  readonly costMicroCents: number | null;
}

/** Maximum number of items in one batch read. */
const BATCH = 100;

/** Viewer. The live sessions of a workspace, oldest first, with their cost so far. */
export const listLiveSessions =
  (ports: {
    readonly clock: Clock;
    readonly tenancy: MembershipReader;
    readonly live: LiveSessionReader;
    readonly meters: Pick<SessionReader, 'readSessionUsage'>;
  }) =>
  async (
    caller: Caller,
    workspaceId: WorkspaceId,
  ): Promise<{ readonly at: Date; readonly items: readonly RunningSession[] }> => {
    await authorizeWorkspace(ports.tenancy, caller, workspaceId, 'viewer');
    const at = ports.clock();
    const live = await ports.live.listLive(workspaceId, at);
    const meters = await metersOf(ports.meters, live);
    const items = live.flatMap((session): readonly RunningSession[] => {
      const usage = meters.get(session.sessionId);
      // A page can report the end before the broker has ended the call, which is live until then.
      if (usage !== undefined && isOver(usage) && session.openedWith === 'token') return [];
      return [{ ...session, costMicroCents: usage === undefined ? null : receiptOf(usage).costMicroCents }];
    });
    return { at, items };
  };

const metersOf = async (
  meters: Pick<SessionReader, 'readSessionUsage'>,
  live: readonly LiveSession[],
): Promise<ReadonlyMap<SessionId, SessionUsage>> => {
  const reads: Promise<ReadonlyMap<SessionId, SessionUsage>>[] = [];
  for (const [siteId, sessions] of Map.groupBy(live, (one): SiteId => one.siteId))
    for (let first = 0; first < sessions.length; first += BATCH)
      reads.push(
        meters.readSessionUsage(
          siteId,
          sessions.slice(first, first + BATCH).map(({ sessionId }) => sessionId),
        ),
      );
  return new Map((await Promise.all(reads)).flatMap((read) => [...read]));
};
