import { holdUsedUp } from '../../domain/sessions/hold.ts';
import type { SessionUsage } from '../../domain/sessions/session-usage.ts';
import { WATCH_LEASE_MS, type WatchNote } from '../../domain/sessions/watched-usage.ts';
import { noteResponses } from './watch-notes.ts';
import type { Watcher } from './watcher.ts';

export type BilledResponse = Extract<WatchNote, { readonly type: 'response' }>;

export interface ResponseCounts {
  /** Begins to count one more response, and returns at once. */
  add(response: BilledResponse): void;
  /**
   * True while a response is not written yet.
   * @throws the error that kept one from being written
   */
  isBusy(): boolean;
  /** Returns when every response so far is written. Throws as isBusy. */
  settled(): Promise<void>;
  /** Returns when nothing is being written any more, also where that failed. */
  idle(): Promise<void>;
  /** When a count renewed the watch last, Unix milliseconds; 0: no count did. */
  renewedAtMs(): number;
}

/**
 * Counts responses while the watcher continues to follow its call: a budget of many calls is written late, and the
 * watcher must see meanwhile that the next response starts. Responses that end during a write join its next attempt, so a
 * call never waits for more than one write. `onSpent` as with ChargedUsage.
 */
export const countResponses = (
  { ports, request, generation }: Watcher,
  { onSpent, onHoldUsedUp }: { readonly onSpent: () => void; readonly onHoldUsedUp: () => Promise<void> },
): ResponseCounts => {
  let waiting: readonly BilledResponse[] = [];
  let writing: Promise<void> | undefined;
  let failure: { readonly error: unknown } | undefined;
  let renewedAtMs = 0;

  const writeOnce = async (): Promise<SessionUsage> => {
    let taken = 0;
    const usage = await noteResponses(
      ports,
      request,
      generation,
      () => {
        taken = waiting.length;
        return waiting;
      },
      onSpent,
    );
    waiting = waiting.slice(taken);
    return usage;
  };
  const writeAll = async (): Promise<void> => {
    try {
      while (waiting.length > 0) {
        const usage = await writeOnce();
        // Otherwise another watcher has taken over.
        if (usage.watch?.generation !== generation) continue;
        renewedAtMs = usage.watch.untilMs - WATCH_LEASE_MS;
        if (holdUsedUp(usage)) await onHoldUsedUp();
      }
    } catch (error) {
      failure = { error };
    } finally {
      writing = undefined;
    }
  };
  const check = (): void => {
    if (failure !== undefined) throw failure.error;
  };
  return {
    add: (response) => {
      waiting = [...waiting, response];
      writing ??= writeAll();
    },
    isBusy: () => {
      check();
      return writing !== undefined;
    },
    settled: async () => {
      await writing;
      check();
    },
    idle: async () => writing,
    renewedAtMs: () => renewedAtMs,
  };
};
