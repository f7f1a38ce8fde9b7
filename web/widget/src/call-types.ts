import type { Levels, TurnState } from './activity.ts';
import type { EmbedTokenSource, OpenedCall } from './broker.ts';
import type { ServerEvent } from './events.ts';
import type { Hint } from './extras/hints.ts';
import type { Extras } from './extras/index.ts';
import type { EndReason } from './reports.ts';
import type { Problem, StringName } from './strings.ts';

export type CallState = 'connecting' | TurnState | 'reconnecting';

export interface CallEnd {
  readonly reason: EndReason;
  /** Undefined until the broker answered. */
  readonly sessionId: string | undefined;
  /** Whole seconds since the call was connected; undefined when it never was. */
  readonly seconds: number | undefined;
  readonly problem?: Problem | undefined;
  readonly note?: StringName | undefined;
  /** Advice for the developer of the page. */
  readonly hint?: Hint | undefined;
}

export interface CallHandlers {
  readonly onState: (state: CallState) => void;
  /** The request for a call has left the page. */
  readonly onSent: () => void;
  /** Captions come only with events. */
  readonly onConnected: (call: OpenedCall, hasEvents: boolean) => void;
  /** The visitor has no sound where they type. */
  readonly onSound: (visitor: MediaStream | undefined, assistant: MediaStream) => void;
  /** Every event that is not a repetition. */
  readonly onEvent: (event: ServerEvent) => void;
  /** How to connect again after a loss; undefined if the extras could not be loaded. */
  readonly retry: () => Promise<Extras['retryWhileOffline'] | undefined>;
  /** True while the page works for the assistant, which then waits. */
  readonly isBusy: () => boolean;
  readonly onUsage: (responseId: string, usage: unknown) => void;
  /** A passing remark, or none. */
  readonly onNote: (note: StringName | undefined) => void;
  /** An error in a call that continues: the name from OpenAI or the browser, and our sentence. */
  readonly onTrouble: (code: string, sentence: StringName) => void;
  /** How loud both sides are at this moment; undefined when that is not measured. */
  readonly levels: () => Levels | undefined;
  readonly onSecond: (seconds: number) => void;
  /** The last event of a call. */
  readonly onEnd: (end: CallEnd) => void;
}

export interface CallOptions {
  readonly api: string;
  readonly siteId: string;
  readonly visitorId: string | undefined;
  /** The page's own function; it may ask its server. */
  readonly getEmbedToken: EmbedTokenSource | undefined;
  /** Seconds without a word from either side after which the call ends. */
  readonly idleSeconds: number;
  /** The visitor types and needs no microphone. */
  readonly isTyped: boolean;
}
