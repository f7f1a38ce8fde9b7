import type { TokenCounts } from '../usage/token-counts.ts';

/** The parts of one event of OpenAI that a watcher reads: ids and numbers, never words. */
export type WatchedEvent =
  | { readonly type: 'session'; readonly fields: SessionFields }
  | { readonly type: 'item'; readonly itemId: string; readonly previousItemId: string | null }
  | { readonly type: 'speech'; readonly speaking: boolean }
  | { readonly type: 'turn' }
  | {
      readonly type: 'response_started';
      readonly responseId: string;
      readonly maxOutputTokens: number | 'inf' | null;
    }
  | {
      readonly type: 'response_done';
      readonly responseId: string;
      /** undefined for a response without usage: nothing is billed. */
      readonly tokens: TokenCounts | undefined;
    }
  /** Billed by the transcription model, which no site configures. */
  | { readonly type: 'transcription' }
  /** OpenAI refused something that the watcher sent. */
  | { readonly type: 'refused' };

/** The fields of a session that are compared, each as canonical JSON. */
export type SessionFields = Readonly<Record<string, string>>;

export interface WatchedCall {
  readonly locked: boolean;
  readonly maxOutputTokens: number;
  /** The fields as admitted. Those that OpenAI fills in are taken from its first answer. */
  readonly expected: SessionFields;
  /** OpenAI has answered the first session.update. */
  readonly attached: boolean;
  /** Attached before the page had the answer, so nothing can have come before; or while another watcher still watched. */
  readonly strict: boolean;
  /** Begun in the middle of the call: its first item follows one that this watcher has not seen. */
  readonly joined: boolean;
  readonly restored: boolean;
  /** A restore is under way: its answer is awaited, and what came before it is not held against the page. */
  readonly restoring: boolean;
  /** Ids of items that were seen. */
  readonly items: ReadonlySet<string>;
  readonly active: ReadonlySet<string>;
  readonly speaking: boolean;
  /** A turn of the visitor that no response has answered yet. */
  readonly turnPending: boolean;
}

export type WatchedStep =
  | { readonly do: 'count'; readonly responseId: string; readonly tokens: TokenCounts }
  | { readonly do: 'note_attached' }
  | { readonly do: 'restore' }
  | { readonly do: 'gap' }
  | { readonly do: 'hang_up' };

export const newWatchedCall = (
  admitted: Pick<WatchedCall, 'locked' | 'maxOutputTokens' | 'expected' | 'strict' | 'joined'>,
): WatchedCall => ({
  ...admitted,
  attached: false,
  restored: false,
  restoring: false,
  items: new Set(),
  active: new Set(),
  speaking: false,
  // A turn may have come before the attach, and then its response is no surprise.
  turnPending: !admitted.strict || admitted.joined,
});

/** The call for one more sideband of the same watcher: what came in between, nobody saw. */
export const attachedAgain = (call: WatchedCall): WatchedCall => ({
  ...call,
  active: new Set(),
  speaking: false,
  turnPending: true,
});

/** The call after one event, and what the watcher has to do about it, in this order. */
export const afterEvent = (
  call: WatchedCall,
  event: WatchedEvent,
): { readonly call: WatchedCall; readonly steps: readonly WatchedStep[] } => {
  switch (event.type) {
    case 'session':
      return afterSession(call, event.fields);
    case 'item':
      return afterItem(call, event);
    case 'speech':
      return { call: { ...call, speaking: event.speaking }, steps: [] };
    case 'turn':
      return { call: { ...call, turnPending: true }, steps: [] };
    case 'response_started': {
      const next = { ...call, active: new Set([...call.active, event.responseId]), turnPending: false };
      const tooLong = event.maxOutputTokens !== null && event.maxOutputTokens !== call.maxOutputTokens;
      const uncalled = call.locked && !call.turnPending;
      return { call: next, steps: tooLong || uncalled ? [{ do: 'hang_up' }] : [] };
    }
    case 'response_done': {
      const { responseId, tokens } = event;
      const next = { ...call, active: without(call.active, responseId) };
      return { call: next, steps: tokens === undefined ? [] : [{ do: 'count', responseId, tokens }] };
    }
    case 'transcription':
      return { call, steps: [{ do: 'gap' }] };
    case 'refused':
      return { call, steps: call.restoring ? [{ do: 'hang_up' }] : [] };
  }
};

const without = (ids: ReadonlySet<string>, id: string): ReadonlySet<string> =>
  new Set([...ids].filter((one) => one !== id));

const afterSession = (call: WatchedCall, fields: SessionFields): ReturnType<typeof afterEvent> => {
  const learned = call.attached ? call.expected : { ...fields, ...call.expected };
  const attached: WatchedCall = { ...call, attached: true, expected: learned };
  const first: readonly WatchedStep[] = call.attached ? [] : [{ do: 'note_attached' }];
  const isEqual = Object.entries(learned).every(([name, value]) => fields[name] === value);
  if (isEqual) return { call: { ...attached, restoring: false }, steps: first };
  if (!call.restored)
    return { call: { ...attached, restored: true, restoring: true }, steps: [...first, { do: 'restore' }] };
  // An update that the page had sent before the restore arrived may still be answered in between.
  if (call.restoring) return { call: attached, steps: first };
  return { call: attached, steps: [...first, { do: 'hang_up' }] };
};

const afterItem = (
  call: WatchedCall,
  { itemId, previousItemId }: Extract<WatchedEvent, { readonly type: 'item' }>,
): ReturnType<typeof afterEvent> => {
  if (call.items.has(itemId)) return { call, steps: [] };
  const next = { ...call, items: new Set([...call.items, itemId]) };
  const isFirst = call.items.size === 0;
  const follows =
    (isFirst && call.joined) || (previousItemId === null ? isFirst : call.items.has(previousItemId));
  return { call: next, steps: follows ? [] : [{ do: 'gap' }] };
};

/** True once the whole conversation was seen from its first item, and no response is cut off by an end now. */
export const sawEverything = ({ strict, items, active, attached }: WatchedCall): boolean =>
  attached && active.size === 0 && (strict || items.size > 0);

/** True where another watcher may take over without cutting into a response or a turn. */
export const isQuiet = ({ active, speaking, turnPending, restoring }: WatchedCall): boolean =>
  active.size === 0 && !speaking && !turnPending && !restoring;
