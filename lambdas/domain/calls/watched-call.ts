import type { TokenCounts } from '../usage/token-counts.ts';

/** The parts of one event of OpenAI that a watcher reads: ids and numbers, never words. */
export type WatchedEvent =
  | { readonly type: 'session'; readonly fields: SessionFields }
  | { readonly type: 'item'; readonly itemId: string; readonly previousItemId: string | null }
  /** `atMs`: the place in the visitor's sound, milliseconds from the beginning of the call. */
  | { readonly type: 'speech'; readonly speaking: boolean; readonly atMs?: number | undefined }
  | { readonly type: 'turn'; readonly itemId?: string | undefined }
  | {
      readonly type: 'response_started';
      readonly responseId: string;
      readonly maxOutputTokens: number | 'inf' | null;
      /** The reservation that the watcher named in its request; undefined: it did not ask for this response. */
      readonly reservationId?: string | undefined;
    }
  | {
      readonly type: 'response_done';
      readonly responseId: string;
      /** undefined for a response without usage: nothing is billed. */
      readonly tokens: TokenCounts | undefined;
      readonly reservationId?: string | undefined;
      /** OpenAI could not generate it. */
      readonly failed?: boolean | undefined;
    }
  /** The page has reported that it is connected, so the visitor can hear. */
  | { readonly type: 'page_connected' }
  /** Billed by the transcription model, which no site configures. */
  | { readonly type: 'transcription' }
  /** OpenAI refused something that the watcher sent: the request of this reservation, or anything else. */
  | { readonly type: 'refused'; readonly reservationId?: string | undefined };

/** The fields of a session that are compared, each as canonical JSON. */
export type SessionFields = Readonly<Record<string, string>>;

/** The turn ID of the first message, which answers no item of the visitor. */
export const FIRST_TURN = 'first_message';

export interface WatchedCall {
  readonly locked: boolean;
  /** OpenAI answers no turn by itself: the watcher asks for each response. */
  readonly turnByTurn: boolean;
  readonly maxOutputTokens: number;
  /** The watcher begins the conversation once the visitor can hear, unless the visitor speaks first. */
  readonly greets: boolean;
  /** The fields as admitted. Those that OpenAI fills in are taken from its first answer. */
  readonly expected: SessionFields;
  /** OpenAI has answered the first session.update. */
  readonly attached: boolean;
  /** Attached before the page had the answer, so it missed nothing; or while another watcher still watched. */
  readonly strict: boolean;
  /** Started in the middle of the call: its first item follows one that this watcher has not seen. */
  readonly joined: boolean;
  readonly restored: boolean;
  /** A restore is in progress: the page is not blamed for changes before its answer. */
  readonly restoring: boolean;
  /** A budget is spent, and the call is being hung up. */
  readonly stopped: boolean;
  /** The hang-up failed or takes long: no response may run. */
  readonly cancels: boolean;
  /** Ids of the items seen. */
  readonly items: ReadonlySet<string>;
  readonly active: ReadonlySet<string>;
  readonly speaking: boolean;
  /** A turn of the visitor without a response. */
  readonly turnPending: boolean;
  /** The item of the latest turn; undefined: none was seen. */
  readonly turnId: string | undefined;
  /** The offset at which the visitor began to speak; undefined: not seen. */
  readonly speechFromMs: number | undefined;
  /** The length of the visitor's last speech, milliseconds; undefined: its beginning was not seen. */
  readonly turnMs: number | undefined;
}

export type WatchedStep =
  | {
      readonly do: 'count';
      readonly responseId: string;
      readonly tokens: TokenCounts;
      readonly reservationId: string | undefined;
      /** It began before this watcher saw the call, or while its sideband was closed. */
      readonly begunUnseen: boolean;
    }
  | { readonly do: 'note_attached' }
  /** Reserve the cost of an answer to the turn, then ask for it. */
  | { readonly do: 'respond'; readonly turnId: string; readonly turnMs: number | undefined }
  /** The response of the reservation costs nothing. */
  | { readonly do: 'release'; readonly reservationId: string }
  | { readonly do: 'silence' }
  | { readonly do: 'restore' }
  /** `fromStart`: the beginning of the call was missed. */
  | { readonly do: 'gap'; readonly fromStart?: boolean | undefined }
  | { readonly do: 'hang_up' };

export const newWatchedCall = (
  admitted: Pick<
    WatchedCall,
    'locked' | 'turnByTurn' | 'maxOutputTokens' | 'expected' | 'strict' | 'joined' | 'greets'
  >,
): WatchedCall => ({
  ...admitted,
  attached: false,
  restored: false,
  restoring: false,
  stopped: false,
  cancels: false,
  items: new Set(),
  active: new Set(),
  speaking: false,
  // A turn may have preceded the attach, so its response is expected. Turn by turn, the previous watcher has asked
  // for it, or nobody answers.
  turnPending: !admitted.turnByTurn && (!admitted.strict || admitted.joined),
  turnId: undefined,
  speechFromMs: undefined,
  turnMs: undefined,
});

/** The call for another sideband of the same watcher. Nobody saw the events in between. */
export const attachedAgain = (call: WatchedCall): WatchedCall => ({
  ...call,
  greets: false,
  active: new Set(),
  speaking: false,
  turnPending: !call.turnByTurn,
  speechFromMs: undefined,
  turnMs: undefined,
});

interface Taken {
  readonly call: WatchedCall;
  readonly steps: readonly WatchedStep[];
}

/** The call after one event, and the steps for the watcher, in this order. */
export const afterEvent = (call: WatchedCall, event: WatchedEvent): Taken =>
  call.stopped ? whileStopped(taken(call, event), event) : withAnswer(taken(call, event));

/** Everything is still counted. A response is stopped only where the hang-up did not end it: a page answers that with another. */
const whileStopped = ({ call, steps }: Taken, { type }: WatchedEvent): Taken => {
  const kept = steps.filter((step) => NOTES.has(step.do));
  return { call, steps: type === 'response_started' && call.cancels ? [...kept, { do: 'silence' }] : kept };
};

const NOTES: ReadonlySet<WatchedStep['do']> = new Set(['count', 'note_attached', 'release', 'gap']);

/** The call after one of its budgets is spent: it is being hung up. */
export const stopped = (call: WatchedCall): WatchedCall => ({ ...call, stopped: true });

/** A stopped call that is not hung up yet: its responses are cancelled. */
export const cancelling = (call: WatchedCall): WatchedCall => ({ ...call, stopped: true, cancels: true });

/** Requests the answer to a turn as soon as nobody speaks. */
const withAnswer = ({ call, steps }: Taken): Taken => {
  const { turnByTurn, attached, turnPending, turnId, turnMs, active, speaking } = call;
  const isDue = turnByTurn && attached && turnPending && active.size === 0 && !speaking;
  if (!isDue || turnId === undefined) return { call, steps };
  return { call: { ...call, turnPending: false }, steps: [...steps, { do: 'respond', turnId, turnMs }] };
};

const taken = (call: WatchedCall, event: WatchedEvent): Taken => {
  switch (event.type) {
    case 'session':
      return afterSession(call, event.fields);
    case 'item':
      return afterItem({ ...call, greets: false }, event);
    case 'speech':
      return { call: afterSpeech({ ...call, greets: false }, event), steps: [] };
    case 'turn':
      return { call: { ...call, greets: false, turnPending: true, turnId: event.itemId }, steps: [] };
    case 'page_connected':
      return call.greets && call.attached
        ? { call: { ...call, greets: false }, steps: [{ do: 'respond', turnId: FIRST_TURN, turnMs: 0 }] }
        : { call, steps: [] };
    case 'response_started': {
      const active = new Set([...call.active, event.responseId]);
      // On a locked site only the watcher can name a reservation: that response answers no turn of the visitor.
      const isAsked = call.locked && event.reservationId !== undefined;
      const next = { ...call, active, turnPending: (call.turnByTurn || isAsked) && call.turnPending };
      const tooLong = event.maxOutputTokens !== null && event.maxOutputTokens !== call.maxOutputTokens;
      const uncalled = call.turnByTurn
        ? event.reservationId === undefined
        : call.locked && !isAsked && !call.turnPending;
      if (tooLong || uncalled) return { call: next, steps: [{ do: 'hang_up' }] };
      // The visitor began to speak while the response was asked for, so OpenAI had nothing to interrupt.
      return { call: next, steps: (call.turnByTurn || isAsked) && call.speaking ? [{ do: 'silence' }] : [] };
    }
    case 'response_done': {
      const { responseId, tokens, reservationId, failed } = event;
      const next = { ...call, active: without(call.active, responseId) };
      if (tokens !== undefined)
        return {
          call: next,
          steps: [
            {
              do: 'count',
              responseId,
              tokens,
              reservationId,
              // The watcher before a handover saw its start.
              begunUnseen: !call.active.has(responseId) && !call.joined,
            },
          ],
        };
      const isFree = failed === true && reservationId !== undefined;
      return { call: next, steps: isFree ? [{ do: 'release', reservationId }] : [] };
    }
    case 'transcription':
      return { call, steps: [{ do: 'gap' }] };
    case 'refused': {
      const { reservationId } = event;
      if (reservationId === undefined) return { call, steps: call.restoring ? [{ do: 'hang_up' }] : [] };
      // Another response was still active: the turn is answered after it.
      const next = { ...call, turnPending: call.turnPending || (call.turnByTurn && call.active.size > 0) };
      return { call: next, steps: [{ do: 'release', reservationId }] };
    }
  }
};

const afterSpeech = (
  call: WatchedCall,
  { speaking, atMs }: Extract<WatchedEvent, { readonly type: 'speech' }>,
): WatchedCall => {
  if (speaking) return { ...call, speaking, speechFromMs: atMs, turnMs: undefined };
  const { speechFromMs } = call;
  const turnMs = speechFromMs === undefined || atMs === undefined ? undefined : atMs - speechFromMs;
  return { ...call, speaking, speechFromMs: undefined, turnMs };
};

const without = (ids: ReadonlySet<string>, id: string): ReadonlySet<string> =>
  new Set([...ids].filter((one) => one !== id));

const afterSession = (call: WatchedCall, fields: SessionFields): Taken => {
  const learned = call.attached ? call.expected : { ...fields, ...call.expected };
  const attached: WatchedCall = { ...call, attached: true, expected: learned };
  const first: readonly WatchedStep[] = call.attached ? [] : [{ do: 'note_attached' }];
  const isEqual = Object.entries(learned).every(([name, value]) => fields[name] === value);
  if (isEqual) return { call: { ...attached, restoring: false }, steps: first };
  if (!call.restored)
    return { call: { ...attached, restored: true, restoring: true }, steps: [...first, { do: 'restore' }] };
  // An update that the page sent before the restore may still be answered first.
  if (call.restoring) return { call: attached, steps: first };
  return { call: attached, steps: [...first, { do: 'hang_up' }] };
};

const afterItem = (
  call: WatchedCall,
  { itemId, previousItemId }: Extract<WatchedEvent, { readonly type: 'item' }>,
): Taken => {
  if (call.items.has(itemId)) return { call, steps: [] };
  const next = { ...call, items: new Set([...call.items, itemId]) };
  const isFirst = call.items.size === 0;
  const follows =
    (isFirst && call.joined) || (previousItemId === null ? isFirst : call.items.has(previousItemId));
  return { call: next, steps: follows ? [] : [isFirst ? { do: 'gap', fromStart: true } : { do: 'gap' }] };
};

/** True if the whole conversation was seen from its first item, and an end now would cut off no response. */
export const sawEverything = ({ strict, items, active, attached }: WatchedCall): boolean =>
  attached && active.size === 0 && (strict || items.size > 0);

/** True if another watcher may take over without cutting into a response or a turn. */
export const isQuiet = ({ active, speaking, turnPending, restoring }: WatchedCall): boolean =>
  active.size === 0 && !speaking && !turnPending && !restoring;
