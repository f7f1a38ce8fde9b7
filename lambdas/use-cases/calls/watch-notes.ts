import { ConflictError, DependencyUnavailableError } from '../../domain/dependency.ts';
import type { SessionUsage } from '../../domain/sessions/session-usage.ts';
import {
  type WatchNote,
  withEndSettled,
  withWatchNote,
  withWatchTaken,
} from '../../domain/sessions/watched-usage.ts';
import type { ChargedUsage } from '../budgets/charge-budgets.ts';
import type { WatchRequest } from '../ports/calls.ts';
import type { BackOff, Clock } from '../ports/runtime.ts';
import type { SessionReader } from '../ports/sessions.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';
import { type GrowHoldPorts, type GrownHold, growHold } from '../sessions/grow-hold.ts';

/** The writes of a watcher: it takes the watch of a call, and notes what it sees. */
export interface WatchNotePorts extends Pick<GrowHoldPorts, 'plans' | 'notices'> {
  readonly clock: Clock;
  readonly backOff: BackOff;
  readonly meterReader: Pick<SessionReader, 'readSessionUsage'>;
  readonly sessionUsage: ChargedUsage;
  readonly workspaces: WorkspaceReader;
}

/** Another watcher has taken over. */
export class WatchLostError extends Error {}

/**
 * Attempts at one write. A database that fails for some seconds must not end a watcher: events wait in memory meanwhile.
 * The back-off averages 80 ms, so this is about 20 s of an outage.
 */
const MAX_ATTEMPTS = 250;

const readUsage = async (
  { meterReader }: WatchNotePorts,
  { siteId, sessionId }: WatchRequest,
): Promise<SessionUsage | undefined> =>
  (await meterReader.readSessionUsage(siteId, [sessionId])).get(sessionId);

/**
 * Saves the usage after a change; undefined if the change does not apply. The same object is not saved. A hold grows with
 * the call, as with reports: a page that reports nothing must not be billed less.
 */
const change = async (
  ports: WatchNotePorts,
  request: WatchRequest,
  apply: (usage: SessionUsage) => SessionUsage | undefined,
  onSpent?: () => void,
): Promise<SessionUsage | undefined> => {
  for (let attempt = 1; ; attempt++) {
    try {
      const before = await readUsage(ports, request);
      const wanted = before && apply(before);
      if (before === undefined || wanted === undefined || wanted === before) return wanted;
      const { usage, capSeconds } = await withGrownHold(ports, before, wanted);
      await ports.sessionUsage.saveUsage(usage, [], capSeconds, onSpent);
      return usage;
    } catch (error) {
      const mayPass = error instanceof ConflictError || error instanceof DependencyUnavailableError;
      if (!mayPass || attempt === MAX_ATTEMPTS) throw error;
      await ports.backOff(attempt);
    }
  }
};

/** Reads the workspace of a hard-capped session only: others hold nothing. */
const withGrownHold = async (
  ports: WatchNotePorts,
  before: SessionUsage,
  after: SessionUsage,
): Promise<GrownHold> =>
  before.holdSeconds === 0
    ? { usage: after, capSeconds: undefined }
    : growHold(ports, await ports.workspaces.readWorkspace(before.workspaceId), before, after);

/** Takes the watch; undefined while another watcher holds it, or when the call has ended. */
export const takeWatch = (
  ports: WatchNotePorts,
  request: WatchRequest,
  turnByTurn: boolean,
): Promise<SessionUsage | undefined> =>
  change(ports, request, (usage) => withWatchTaken(usage, { ...request, turnByTurn }, ports.clock()));

/** Counts as spent, in its budgets, what the dead watcher of an ended call left: open reservations, and time that nobody saw. */
export const settleEnd = async (ports: WatchNotePorts, request: WatchRequest): Promise<void> => {
  await change(ports, request, (usage) => withEndSettled(usage, ports.clock()));
};

/** True while the watcher that the request names still holds the watch, or no watcher is named. */
export const mayTakeOver = async (ports: WatchNotePorts, request: WatchRequest): Promise<boolean> => {
  const usage = await readUsage(ports, request);
  return usage !== undefined && withWatchTaken(usage, request, ports.clock()) !== undefined;
};

/** True once the page has reported that it is connected; false also if the database does not answer. */
export const pageIsConnected = async (ports: WatchNotePorts, request: WatchRequest): Promise<boolean> => {
  try {
    return (await readUsage(ports, request))?.connectedAtMs != null;
  } catch (error) {
    if (error instanceof DependencyUnavailableError) return false;
    throw error;
  }
};

/**
 * Writes one note of the watcher of `generation`, and returns the usage with it.
 * @throws WatchLostError if another watcher has taken over.
 */
export const noteWatch = async (
  ports: WatchNotePorts,
  request: WatchRequest,
  generation: number,
  note: WatchNote,
): Promise<SessionUsage> => {
  const noted = await change(ports, request, (usage) =>
    withWatchNote(usage, generation, note, ports.clock()),
  );
  if (noted === undefined) throw new WatchLostError();
  return noted;
};

/**
 * Counts responses in one write, as noteWatch does. `responses` is read again with each attempt. `onSpent` as with
 * ChargedUsage.
 */
export const noteResponses = async (
  ports: WatchNotePorts,
  request: WatchRequest,
  generation: number,
  responses: () => readonly WatchNote[],
  onSpent: () => void,
): Promise<SessionUsage> => {
  const counted = await change(
    ports,
    request,
    (before) =>
      responses().reduce<SessionUsage | undefined>(
        (usage, note) => usage && withWatchNote(usage, generation, note, ports.clock()),
        before,
      ),
    onSpent,
  );
  if (counted === undefined) throw new WatchLostError();
  return counted;
};
