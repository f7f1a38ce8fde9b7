import {
  afterEvent,
  cancelling,
  FIRST_TURN,
  isQuiet,
  sawEverything,
  stopped,
  type WatchedCall,
  type WatchedStep,
} from '../../domain/calls/watched-call.ts';
import { holdUsedUp } from '../../domain/sessions/hold.ts';
import { WATCH_RENEWAL_MS } from '../../domain/sessions/watched-usage.ts';
import type { Sideband, SidebandEvent } from '../ports/calls.ts';
import { countResponses, type ResponseCounts } from './count-responses.ts';
import { endSpentCall } from './end-spent-call.ts';
import { noteWatch, pageIsConnected, WatchLostError } from './watch-notes.ts';
import { hangUp, note, type Watcher } from './watcher.ts';

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

/** How often the budgets are read while a response runs and an amount is nearly spent, milliseconds. */
const SPENT_LOOK_MS = 500;

/** How long a hang-up may take before responses are cancelled as well, milliseconds. */
const HANG_UP_FIRST_MS = 1_000;

/** The ID in the request for a first message that no budget reserves. */
const UNRESERVED = `rsv_${'0'.repeat(24)}`;

/**
 * Follows one sideband until it closes or another watcher has taken over. `early`: events that were read before. The caller
 * closes the sideband.
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
  let stoppedAtMs = 0;
  const cancel = (): void => {
    if (call.cancels) return;
    call = cancelling(call);
    sideband.silence();
  };
  // The hang-up comes first. A page answers a cancelled response with the next one, and pays for its input again.
  const stop = (): void => {
    if (call.stopped) return;
    call = stopped(call);
    stoppedAtMs = ports.clock().getTime();
    sideband.stop();
    ending = endSpentCall(watcher, cancel);
  };
  const counts = countResponses(watcher, {
    onSpent: stop,
    onHoldUsedUp: () => hangUp(watcher, 'max_duration'),
  });
  let spentLookAtMs = 0;
  let isTight = false;
  const lookAtBudgets = async (): Promise<void> => {
    spentLookAtMs = ports.clock().getTime();
    const state = await ports.spentBudgets.look({ ...watcher.session, siteId: watcher.request.siteId });
    isTight = state === 'tight';
    if (state === 'spent') stop();
  };
  const take = async (event: SidebandEvent): Promise<void> => {
    if (event.type === 'closed') return;
    const next = afterEvent(call, event);
    call = next.call;
    for (const step of next.steps) {
      // The response of the previous step may have spent the amount.
      if (call.stopped && step.do === 'respond') continue;
      await takeStep(watcher, sideband, { call, counts }, step);
    }
    // Another call may have spent the amount. A watcher that started late finds this before any response.
    const mayCost =
      event.type === 'response_started' || next.steps.some((step) => step.do === 'note_attached');
    if (mayCost && !call.stopped) await lookAtBudgets();
  };
  try {
    for (;;) {
      const event = waiting.shift() ?? (await sideband.next(TICK_MS));
      if (event?.type === 'closed') {
        await counts.settled();
        if (askedAtMs === undefined) return { outcome: 'closed', call };
        // OpenAI may allow only one sideband. The successor continues, and nobody saw the events in between.
        await note(watcher, { type: 'gap' });
        return { outcome: 'handed_over', call };
      }
      if (event !== undefined) await take(event);
      const nowMs = ports.clock().getTime();
      if (call.stopped && nowMs - stoppedAtMs >= HANG_UP_FIRST_MS) cancel();
      if (isTight && !call.stopped && call.active.size > 0 && nowMs - spentLookAtMs >= SPENT_LOOK_MS)
        await lookAtBudgets();
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
      const isCounting = counts.isBusy();
      // A watcher that waits for its successor looks for it whatever the call does. Otherwise each count renews the watch.
      if (askedAtMs === undefined)
        renewedAtMs = Math.max(renewedAtMs, isCounting ? nowMs : counts.renewedAtMs());
      if (nowMs - renewedAtMs >= (askedAtMs === undefined ? WATCH_RENEWAL_MS : SUCCESSOR_LOOK_MS)) {
        if ((await renew(watcher)) === 'lost') {
          if (askedAtMs === undefined) throw new WatchLostError();
          await drain(watcher, sideband, { take, counts });
          return { outcome: 'handed_over', call };
        }
        renewedAtMs = nowMs;
      }
      if (askedAtMs !== undefined && nowMs - askedAtMs >= SUCCESSOR_WAIT_MS) {
        await leaveFirst(watcher, sideband, counts);
        return { outcome: 'handed_over', call };
      }
    }
  } finally {
    await counts.idle();
    await ending;
  }
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
  {
    take,
    counts,
  }: { readonly take: (event: SidebandEvent) => Promise<void>; readonly counts: ResponseCounts },
): Promise<void> => {
  sideband.begin();
  for (;;) {
    const event = await sideband.next(LAST_ANSWER_MS);
    if (event === undefined || event.type === 'closed') return;
    await take(event);
    if (event.type === 'session') break;
  }
  await counts.settled();
  await note(watcher, { type: 'drained' });
};

/** No successor came: OpenAI may allow only one sideband. This one leaves, and nobody sees the events in between. */
const leaveFirst = async (watcher: Watcher, sideband: Sideband, counts: ResponseCounts): Promise<void> => {
  const { ports, request } = watcher;
  await sideband.close();
  await counts.settled();
  await note(watcher, { type: 'left' });
  await ports.watchers.start({ ...request, strict: false, after: undefined });
};

const takeStep = async (
  watcher: Watcher,
  sideband: Sideband,
  { call, counts }: { readonly call: WatchedCall; readonly counts: ResponseCounts },
  step: WatchedStep,
): Promise<void> => {
  switch (step.do) {
    case 'count': {
      const { do: _, ...response } = step;
      counts.add({ type: 'response', ...response });
      // The next reservation needs what this one leaves over.
      return call.turnByTurn ? counts.settled() : undefined;
    }
    case 'respond':
      return respond(watcher, sideband, call, step);
    case 'release':
      return note(watcher, { type: 'released', reservationId: step.reservationId });
    case 'silence':
      return sideband.silence();
    case 'note_attached':
      return note(watcher, { type: 'attached' });
    case 'gap':
      return note(watcher, { type: 'gap', missed: missedBy(watcher, step) });
    case 'restore':
      return sideband.restore(call.expected);
    case 'hang_up':
      sideband.silence();
      return hangUp(watcher, 'tampered');
  }
};

/** Of a later watcher, and of a first one that came late, the time before it was estimated when it took the watch. */
const missedBy = (
  { startedInTime, request, startedAtMs }: Watcher,
  { fromStart }: Extract<WatchedStep, { readonly do: 'gap' }>,
): { readonly fromMs: number; readonly toMs: number } | undefined =>
  fromStart === true && startedInTime ? { fromMs: request.openedAtMs, toMs: startedAtMs } : undefined;

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
