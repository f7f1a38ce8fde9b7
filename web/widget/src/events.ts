/** The part of an OpenAI error that a report names. Types are not promised: a code can be a number. */
export interface OpenAiError {
  readonly code?: unknown;
  readonly type?: unknown;
}

/** The fields of OpenAI's events that the widget reads. Source: developers.openai.com/api/docs/guides/realtime */
export interface ServerEvent {
  readonly type: string;
  readonly item_id?: string;
  readonly response_id?: string;
  readonly delta?: string;
  readonly transcript?: string;
  readonly response?: {
    readonly id?: string;
    readonly status?: string;
    readonly usage?: Readonly<Record<string, unknown>> | null;
    readonly output?: readonly OutputItem[];
    readonly status_details?: {
      readonly reason?: string | null;
      readonly error?: OpenAiError | null;
    } | null;
  };
  readonly error?: OpenAiError | null;
}

/** A part of an answer, as far as the widget reads it. */
export interface OutputItem {
  readonly type?: string;
  readonly call_id?: string;
  readonly name?: string;
  readonly arguments?: string;
}

/** An event for OpenAI. */
export interface ClientEvent {
  readonly type: string;
  readonly item?: unknown;
  readonly response?: unknown;
}
