import type { EndedBy } from '../../domain/calls/call.ts';
import {
  afterEvent,
  FIRST_TURN,
  isQuiet,
  sawEverything,
  stopped,
  type WatchedCall,
  type WatchedStep,
} from '../../domain/calls/watched-call.ts';
import { holdUsedUp } from '../../domain/sessions/hold.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import { WATCH_LEASE_MS, WATCH_RENEWAL_MS, type WatchNote } from '../../domain/sessions/watched-usage.ts';
import type {
  HangUpQueue,
  ResponseReservations,
  Sideband,
  SidebandEvent,
  SpentBudgets,
  WatcherInvoker,
  WatchRequest,
} from '../ports/calls.ts';
import { noteWatch, pageIsConnected, WatchLostError, type WatchNotePorts } from './watch-notes.ts';

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
  /** The assistant's first message; null: it waits for the visitor. */
  readonly firstMessage: string | null;
  /** Hangs the call up without the queue. */
  readonly hangUpAtOnce: () => Promise<void>;
}

/** `closed`: the sideband has closed, which proves nothing about the call. */
export type Followed = 'closed' | 'handed_over';

/** A Lambda function runs for 15 minutes: from this time the watcher looks for a quiet moment, milliseconds after its start. */
const HAND_OVER_FROM_MS = 11 * 60_000;
const HAND_OVER_BY_MS = 13 * 60_000;

/** How long a watcher that hands over waits for its successor, milliseconds. */
const SUCCESSOR_WAIT_MS = 30_000;

/** How often it checks for the successor, milliseconds. */
const SUCCESSOR_LOOK_MS = 1_000;

/** How long a watcher that has handed over waits for OpenAI's last answer, milliseconds. */
const LAST_ANSWER_MS = 5_000;

/** Longest wait for one event, milliseconds: the interval at which the clock is checked. */
const TICK_MS = 250;

/** How often the watcher checks before the first message whether the page is connected, milliseconds. */
const PAGE_LOOK_MS = 500;

/** How long it checks, milliseconds after the call was created. The widget gives up after 15 seconds. */
const PAGE_WITHIN_MS = 60_000;

/** The ID in the request for a first message that no budget reserves. */
const UNRESERVED = `rsv_${'0'.repeat(24)}`;

export const note = async ({ ports, request, generation }: Watcher, what: WatchNote): Promise<void> => {
  await noteWatch(ports, request, generation, what);
};

/**
 * Counts one response, which also renews the watch. Returns the time of the last renewal, Unix milliseconds; undefined if
 * another watcher has taken over.
 */
const count = async (
  watcher: Watcher,
  response: Extract<WatchNote, { readonly type: 'response' }>,
  onSpent: () => void,
): Promise<number | undefined> => {
  const { ports, request, generation } = watcher;
  const usage = await noteWatch(ports, request, generation, response, onSpent);
  if (usage.watch?.generation !== generation) return undefined;
  if (holdUsedUp(usage)) await hangUp(watcher, 'max_duration');
  return usage.watch.untilMs - WATCH_LEASE_MS;
};

/**
 * Follows one sideband until it closes or another watcher has taken over. `early`: events that were read before.
 * @throws WatchLostError if another watcher took over without a request.
 */
export const followCall = async (
  watcher: Watcher,
  sideband: Sideband,
  begun: WatchedCall,
  early: readonly SidebandEvent[],
): Promise<{ readonly outcome: Followed; readonly call: WatchedCall }> => {
  const { ports, startedAtMs } = watcher;
  const waiting = [...early];
  let call = begun;
  let renewedAtMs = ports.clock().getTime();
  let askedAtMs: number | undefined;
  let lookedAtMs = 0;
  let ending: Promise<void> | undefined;
  const stop = (): void => {
    if (call.stopped) return;
    call = stopped(call);
    sideband.stop();
    ending = endSpentCall(watcher);
  };
  const take = async (event: SidebandEvent): Promise<void> => {
    if (event.type === 'closed') return;
    const next = afterEvent(call, event);
    call = next.call;
    for (const step of next.steps) {
      // The response of the previous step may have spent the amount.
      if (call.stopped && step.do === 'respond') continue;
      const renewedMs = await takeStep(watcher, sideband, { call, stop }, step);
      // A watcher that waits for its successor checks for it after every event.
      if (renewedMs !== undefined && askedAtMs === undefined) renewedAtMs = Math.max(renewedAtMs, renewedMs);
    }
    // Another call may have spent the amount. A watcher that started late finds this before any response.
    const mayCost =
      event.type === 'response_started' || next.steps.some((step) => step.do === 'note_attached');
    if (mayCost && !call.stopped && (await isSpent(watcher))) stop();
  };
  try {
    for (;;) {
      const event = waiting.shift() ?? (await sideband.next(TICK_MS));
      if (event?.type === 'closed') {
        if (askedAtMs === undefined) return { outcome: 'closed', call };
        // OpenAI may allow only one sideband. The successor continues, and nobody saw the events in between.
        await note(watcher, { type: 'gap' });
        return { outcome: 'handed_over', call };
      }
      if (event !== undefined) await take(event);
      const nowMs = ports.clock().getTime();
      if (
        call.greets &&
        call.attached &&
        nowMs - lookedAtMs >= PAGE_LOOK_MS &&
        nowMs - watcher.request.openedAtMs <= PAGE_WITHIN_MS
      ) {
        lookedAtMs = nowMs;
        if (await pageIsConnected(ports, watcher.request)) await take({ type: 'page_connected' });
      }
      const ranMs = nowMs - startedAtMs;
      if (
        askedAtMs === undefined &&
        (ranMs >= HAND_OVER_BY_MS || (ranMs >= HAND_OVER_FROM_MS && isQuiet(call)))
      ) {
        await askSuccessor(watcher, call);
        askedAtMs = nowMs;
      }
      if (nowMs - renewedAtMs >= (askedAtMs === undefined ? WATCH_RENEWAL_MS : SUCCESSOR_LOOK_MS)) {
        if ((await renew(watcher)) === 'lost') {
          if (askedAtMs === undefined) throw new WatchLostError();
          await drain(watcher, sideband, take);
          return { outcome: 'handed_over', call };
        }
        renewedAtMs = nowMs;
      }
      if (askedAtMs !== undefined && nowMs - askedAtMs >= SUCCESSOR_WAIT_MS) {
        await leaveFirst(watcher, sideband);
        return { outcome: 'handed_over', call };
      }
    }
  } finally {
    await ending;
    await sideband.close();
  }
};

const isSpent = ({ ports, request: { siteId }, session }: Watcher): Promise<boolean> =>
  ports.spentBudgets.isSpent({ ...session, siteId });

/**
 * The watcher ends its own call, which takes less time than the queue of all calls. The queue records who ended it. If neither
 * works, the end of the calls of the budget ends this one too.
 */
const endSpentCall = async (watcher: Watcher): Promise<void> => {
  await Promise.allSettled([watcher.hangUpAtOnce(), hangUp(watcher, 'budget')]);
};

/** Also ends a call that has used the rest of its plan. */
const renew = async (watcher: Watcher): Promise<'held' | 'lost'> => {
  const { ports, request, generation } = watcher;
  try {
    const usage = await noteWatch(ports, request, generation, { type: 'renewed' });
    if (holdUsedUp(usage)) await hangUp(watcher, 'max_duration');
    return 'held';
  } catch (error) {
    if (error instanceof WatchLostError) return 'lost';
    throw error;
  }
};

/** The successor attaches while this watcher still watches, so nothing is missed in between. */
const askSuccessor = async (watcher: Watcher, call: WatchedCall): Promise<void> => {
  const { ports, request, generation } = watcher;
  if (!sawEverything({ ...call, active: new Set() })) await note(watcher, { type: 'gap' });
  // After a refused request, this watcher waits, and then leaves first.
  await Promise.allSettled([ports.watchers.start({ ...request, strict: false, after: generation })]);
};

/**
 * The successor attached before it took over. OpenAI's answer to one more session.update comes after every event of that
 * time, so with it this watcher has seen them all. Without it the session does not become complete.
 */
const drain = async (
  watcher: Watcher,
  sideband: Sideband,
  take: (event: SidebandEvent) => Promise<void>,
): Promise<void> => {
  sideband.begin();
  for (;;) {
    const event = await sideband.next(LAST_ANSWER_MS);
    if (event === undefined || event.type === 'closed') return;
    await take(event);
    if (event.type === 'session') break;
  }
  await note(watcher, { type: 'drained' });
};

/** No successor came: OpenAI may allow only one sideband. This one leaves, and nobody sees the events in between. */
const leaveFirst = async (watcher: Watcher, sideband: Sideband): Promise<void> => {
  const { ports, request } = watcher;
  await sideband.close();
  await note(watcher, { type: 'left' });
  await ports.watchers.start({ ...request, strict: false, after: undefined });
};

/** Returns the time at which the step renewed the watch, Unix milliseconds; undefined for other steps. */
const takeStep = async (
  watcher: Watcher,
  sideband: Sideband,
  { call, stop }: { readonly call: WatchedCall; readonly stop: () => void },
  step: WatchedStep,
): Promise<number | undefined> => {
  switch (step.do) {
    case 'count': {
      const { responseId, tokens, reservationId } = step;
      return count(watcher, { type: 'response', responseId, tokens, reservationId }, stop);
    }
    case 'respond':
      await respond(watcher, sideband, call, step);
      return undefined;
    case 'release':
      await note(watcher, { type: 'released', reservationId: step.reservationId });
      return undefined;
    case 'silence':
      sideband.silence();
      return undefined;
    case 'note_attached':
      await note(watcher, { type: 'attached' });
      return undefined;
    case 'gap':
      await note(watcher, { type: 'gap' });
      return undefined;
    case 'restore':
      sideband.restore(call.expected);
      return undefined;
    case 'hang_up':
      sideband.silence();
      await hangUp(watcher, 'tampered');
      return undefined;
  }
};

const hangUp = ({ ports, request: { siteId, sessionId } }: Watcher, by: EndedBy): Promise<void> =>
  ports.hangUps.send({ kind: 'end', siteId, sessionId, by });

/** OpenAI is asked for nothing before its highest cost is reserved. If it does not fit, the call ends. */
const respond = async (
  watcher: Watcher,
  sideband: Sideband,
  { expected, maxOutputTokens, turnByTurn }: WatchedCall,
  { turnId, turnMs }: Extract<WatchedStep, { readonly do: 'respond' }>,
): Promise<void> => {
  const { ports, request, generation } = watcher;
  const { workspaceId } = watcher.session;
  const prompt = turnId === FIRST_TURN ? (watcher.firstMessage ?? undefined) : undefined;
  if (!turnByTurn) {
    sideband.respond({ reservationId: UNRESERVED, maxOutputTokens, prompt });
    return;
  }
  const session = { workspaceId, siteId: request.siteId, sessionId: request.sessionId };
  const reserved = await ports.reservations.reserve(session, generation, {
    turnId,
    // No turn is longer than the call.
    turnMs: turnMs ?? ports.clock().getTime() - request.openedAtMs,
    // OpenAI reads the tools with the instructions.
    instructions: `${expected['instructions'] ?? ''}${expected['tools'] ?? ''}${prompt ?? ''}`,
    maxOutputTokens,
  });
  if (reserved.result === 'refused') return hangUp(watcher, 'budget');
  // Otherwise the turn was answered, or is left to the watcher that took over.
  if (reserved.result !== 'reserved') return;
  if (sideband.respond({ reservationId: reserved.id, maxOutputTokens, prompt })) return;
  await note(watcher, { type: 'released', reservationId: reserved.id });
};
