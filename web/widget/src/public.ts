/** The state of a widget; also its attribute `state` after the first change. */
export type SpeloState =
  | 'idle'
  | 'notice'
  | 'connecting'
  | 'listening'
  | 'thinking'
  | 'speaking'
  | 'reconnecting'
  | 'busy'
  | 'error'
  | 'ended';

/** A function call of the assistant. */
export interface SpeloToolRequest {
  readonly name: string;
  readonly call_id: string;
  readonly arguments: object;
  /** Answers the call with a result, or a promise of one, in place of a function in `tools`. */
  readonly respond: (result: unknown) => void;
}

/** The `detail` of each event, by its name. All events bubble. */
export interface SpeloEvents {
  'spelo-state': { readonly state: SpeloState; readonly previous: SpeloState };
  'spelo-connected': { readonly session_id: string; readonly model: string; readonly voice: string };
  'spelo-caption': {
    readonly role: 'visitor' | 'assistant';
    readonly id: string;
    /** All of it so far. */
    readonly text: string;
    readonly final: boolean;
  };
  'spelo-usage': { readonly response_id: string; readonly usage: unknown };
  'spelo-error': {
    readonly code: string;
    /** As the visitor reads it. */
    readonly message: string;
    /** Seconds until another try makes sense. */
    readonly retryAfter?: number;
    readonly requestId?: string;
  };
  'spelo-ended': {
    readonly reason: 'hung_up' | 'idle' | 'max_duration' | 'page_closed' | 'connection_lost' | 'failed';
    readonly session_id: string | undefined;
    readonly seconds: number;
  };
  'spelo-tool': SpeloToolRequest;
}

/** The attributes of `<spelo-voice>`. */
export interface SpeloAttributes {
  /** The id of the site. */
  'site-id': string;
  /** Origin of the broker. Required where the script does not come from the broker. */
  api?: string;
  /** Text of the button. */
  label?: string;
  /** Fixed to a corner of the window. */
  floating?: boolean;
  /** Corner of a floating widget. */
  position?: 'bottom-right' | 'bottom-left' | 'top-right' | 'top-left';
  /** Default: the setting of the visitor's system. */
  theme?: 'light' | 'dark';
  /** Colour of the buttons as `#rrggbb`. */
  accent?: string;
  /** `off`: hidden until the visitor switches them on. */
  captions?: 'on' | 'off';
  /** The page that the notice links to. */
  'privacy-url'?: string;
  /** Increase it when the notice changes, and every visitor is asked again. */
  'notice-version'?: string;
  /** Seconds of silence on both sides after which the call ends; default: 60. */
  'idle-seconds'?: number;
}

/** The functions of the page, by the names in the settings of the site. */
export type SpeloTools = Readonly<Record<string, (input: never) => unknown>>;

/** The element `<spelo-voice>`. */
export interface SpeloVoiceElement extends HTMLElement {
  readonly state: SpeloState;
  /** During a call; before one it has no effect. */
  muted: boolean;
  /** Sentences in place of the default ones, by their names. */
  get strings(): Readonly<Record<string, string | undefined>>;
  set strings(strings: Readonly<Record<string, string>>);
  /** Returns an embed token from the page's server; called before each call. */
  getEmbedToken: (() => string | Promise<string>) | undefined;
  tools: SpeloTools | undefined;
  /** Starts a call, or shows the privacy notice first to a visitor who has not agreed to it. */
  start(): void;
  hangUp(): void;
  /** Hangs up and shows the button. */
  close(): void;
}
