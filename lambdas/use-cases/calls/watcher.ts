import type { EndedBy } from '../../domain/calls/call.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import type { WatchNote } from '../../domain/sessions/watched-usage.ts';
import type {
  HangUpQueue,
  ResponseReservations,
  SpentBudgets,
  WatcherInvoker,
  WatchRequest,
} from '../ports/calls.ts';
import { noteWatch, type WatchNotePorts } from './watch-notes.ts';

export interface FollowPorts extends WatchNotePorts {
  readonly hangUps: HangUpQueue;
  readonly watchers: WatcherInvoker;
  readonly reservations: ResponseReservations;
  readonly spentBudgets: SpentBudgets;
}

/** A watcher that holds the watch. */
export interface Watcher {
  readonly ports: FollowPorts;
  readonly request: WatchRequest;
  readonly session: Pick<ReservedSession, 'workspaceId' | 'mode'>;
  readonly generation: number;
  readonly startedAtMs: number;
  /** It is the first watcher, and no estimate counts for the time before it. */
  readonly startedInTime: boolean;
  /** The assistant's first message; null: it waits for the visitor. */
  readonly firstMessage: string | null;
  /** Hangs the call up without the queue. False if no key is left that could. */
  readonly hangUpAtOnce: () => Promise<boolean>;
}

/** Writes one note of this watcher. Throws WatchLostError as noteWatch. */
export const note = async ({ ports, request, generation }: Watcher, what: WatchNote): Promise<void> => {
  await noteWatch(ports, request, generation, what);
};

/** Queues the end of the call. */
export const hangUp = ({ ports, request: { siteId, sessionId } }: Watcher, by: EndedBy): Promise<void> =>
  ports.hangUps.send({ kind: 'end', siteId, sessionId, by });
