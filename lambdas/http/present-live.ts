import type { listLiveSessions } from '../use-cases/calls/list-live-sessions.ts';
import type { DataOf } from './endpoints/endpoint.ts';
import { centsOf } from './presenters/present-cost.ts';

type LiveSessions = Awaited<ReturnType<ReturnType<typeof listLiveSessions>>>;

export const presentLive = ({ at, items }: LiveSessions): DataOf<'listLive'> => ({
  at: at.toISOString(),
  items: items.map((session) => ({
    session_id: session.sessionId,
    site_id: session.siteId,
    opened_with: session.openedWith,
    mode: session.mode,
    key_scope: session.keyScope,
    started_at: session.startedAt,
    ends_by: session.capAt,
    cost_cents: session.costMicroCents === null ? null : centsOf(session.costMicroCents),
    endable: session.openedWith === 'call',
  })),
});
