import { requestToken, type TimedToken, type Token } from './broker.ts';
import { type Connection, connect, type ServerEvent } from './connection.ts';
import { openMicrophone } from './microphone.ts';
import { type EndReason, type HangUpReason, Reports } from './reports.ts';
import { codeOf, Failure, type Problem, problemOfOpenAi, type StringName } from './strings.ts';

export type CallState = 'connecting' | 'listening' | 'thinking' | 'speaking' | 'reconnecting';

export interface Caption {
  readonly role: 'visitor' | 'assistant';
  readonly id: string;
  /** The whole of it so far. */
  readonly text: string;
  readonly final: boolean;
}

export interface CallEnd {
  readonly reason: EndReason;
  /** Undefined until the broker answered. */
  readonly sessionId: string | undefined;
  /** Whole seconds since the call was connected; undefined when it never was. */
  readonly seconds: number | undefined;
  readonly problem?: Problem | undefined;
  readonly note?: StringName | undefined;
}

export interface CallHandlers {
  readonly onState: (state: CallState) => void;
  readonly onConnected: (token: Token) => void;
  readonly onSound: (visitor: MediaStream, assistant: MediaStream) => void;
  readonly onCaption: (caption: Caption) => void;
  readonly onUsage: (responseId: string, usage: unknown) => void;
  /** A passing remark, or none. */
  readonly onNote: (note: StringName | undefined) => void;
  readonly onSecond: (seconds: number) => void;
  /** The last thing that a call says. */
  readonly onEnd: (end: CallEnd) => void;
}

export interface CallOptions {
  readonly api: string;
  readonly siteId: string;
  readonly visitorId: string | undefined;
  /** Seconds without a word from either side after which the call ends. */
  readonly idleSeconds: number;
}

const WARN_SECONDS = 15;
const NEARLY_UP_SECONDS = 60;
/** A secret that expires sooner is not worth another connection. */
const SECRET_MARGIN_MS = 3_000;

const STATE_AFTER: Readonly<Record<string, CallState>> = {
  'input_audio_buffer.speech_started': 'listening',
  'response.created': 'thinking',
  'output_audio_buffer.started': 'speaking',
  'output_audio_buffer.stopped': 'listening',
  'output_audio_buffer.cleared': 'listening',
};

/** The visitor's own words come only where the session asks OpenAI to transcribe them. */
const CAPTION_OF: Readonly<Record<string, Caption['role']>> = {
  'response.output_audio_transcript.delta': 'assistant',
  'response.output_audio_transcript.done': 'assistant',
  'conversation.item.input_audio_transcription.delta': 'visitor',
  'conversation.item.input_audio_transcription.completed': 'visitor',
};

/** One call, from the click to the goodbye. It reports to the broker, obeys it, and never throws. */
export class Call {
  readonly #options: CallOptions;
  readonly #handlers: CallHandlers;
  readonly #abort = new AbortController();
  #microphone: MediaStream | undefined;
  #token: TimedToken | undefined;
  #reports: Reports | undefined;
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #connectedAt = 0;
  #activeAt = 0;
  #reportedAt = 0;
  #hasReconnected = false;
  #isOver = false;
  #isMuted = false;
  #state: CallState = 'connecting';
  #captions = new Map<string, string>();

  constructor(options: CallOptions, handlers: CallHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  async start(): Promise<void> {
    this.#enter('connecting');
    try {
      this.#microphone = await openMicrophone();
      this.muted = this.#isMuted;
      if (this.#isOver) this.#release();
      else await this.#open();
    } catch (error) {
      this.#fail(error, 'connect');
    }
  }

  get muted(): boolean {
    return this.#isMuted;
  }

  set muted(muted: boolean) {
    this.#isMuted = muted;
    for (const track of this.#microphone?.getAudioTracks() ?? []) track.enabled = !muted;
  }

  hangUp(reason: EndReason = 'hung_up', note?: StringName): void {
    this.#end({ reason, note });
  }

  /** The page closes: only what needs no answer is still sent. */
  leave(): void {
    if (this.#isOver) return;
    this.#reports?.leave();
    this.#end({ reason: 'page_closed' });
  }

  async #open(): Promise<void> {
    const { api, siteId, visitorId } = this.#options;
    const token = await requestToken(api, siteId, visitorId, this.#abort.signal);
    this.#token = token;
    this.#reports = new Reports(`${api}/v1/${siteId}/sessions/${token.session_id}/events`, token, (reason) =>
      this.#obey(reason),
    );
    // Hung up while the broker was still at it: the slot is given back at once.
    if (this.#isOver) this.#reports.end('hung_up');
    else await this.#connect(token);
  }

  async #connect(token: Token): Promise<void> {
    const microphone = this.#microphone;
    if (microphone === undefined) return;
    const connection = await connect(
      { url: token.realtime_url, secret: token.client_secret.value, microphone },
      {
        onEvent: (event) => this.#hear(event),
        onSound: (stream) => this.#handlers.onSound(microphone, stream),
        onLost: () => void this.#lost(),
      },
      this.#abort.signal,
    );
    if (this.#isOver) {
      connection.close();
      return;
    }
    this.#connection = connection;
    this.#reports?.add('connected');
    this.#activeAt = this.#reportedAt = Date.now();
    this.#connectedAt ||= Date.now();
    this.#timer ??= setInterval(() => this.#tick(token), 1_000);
    this.#enter('listening');
    this.#handlers.onConnected(token);
  }

  /** Once per call: with the same secret while it is valid, else as a new session. What was said so far is forgotten. */
  async #lost(): Promise<void> {
    this.#reports?.add('error', { source: 'media', code: 'connection_lost' });
    if (this.#isOver || this.#hasReconnected || this.#token === undefined) {
      this.#fail(new Failure({ code: 'connection_lost' }), 'media');
      return;
    }
    this.#hasReconnected = true;
    this.#enter('reconnecting');
    try {
      const brokerNow = Date.now() + this.#token.brokerAheadMs;
      if (this.#token.client_secret.expires_at * 1_000 > brokerNow + SECRET_MARGIN_MS)
        await this.#connect(this.#token);
      else {
        // The line that was held comes back first: it may be the only one.
        this.#reports?.end('connection_lost');
        await this.#reports?.drained();
        if (!this.#isOver) await this.#open();
      }
    } catch (error) {
      this.#fail(error, 'connect', 'connection_lost');
    }
  }

  #tick(token: Token): void {
    const now = Date.now();
    const seconds = this.#seconds();
    if (this.#state === 'speaking') this.#activeAt = now;
    const silentSeconds = (now - this.#activeAt) / 1_000;
    const leftSeconds = token.max_duration_seconds - seconds;
    this.#handlers.onSecond(seconds);
    if (leftSeconds <= 0) this.hangUp('max_duration', 'ended_max_duration');
    else if (silentSeconds >= this.#options.idleSeconds) this.hangUp('idle', 'ended_idle');
    else if (silentSeconds >= this.#options.idleSeconds - WARN_SECONDS) this.#handlers.onNote('still_there');
    else if (leftSeconds <= NEARLY_UP_SECONDS && token.max_duration_seconds > 2 * NEARLY_UP_SECONDS)
      this.#handlers.onNote('time_nearly_up');
    if (this.#isOver || now - this.#reportedAt < token.heartbeat_seconds * 1_000) return;
    this.#reportedAt = now;
    this.#reports?.add('heartbeat');
  }

  #hear(event: ServerEvent): void {
    const { type } = event;
    if (/speech_started|response\.created|output_audio_buffer/.test(type)) {
      this.#activeAt = Date.now();
      this.#handlers.onNote(undefined);
    }
    const state = STATE_AFTER[type];
    if (state !== undefined) this.#enter(state);
    if (type in CAPTION_OF) this.#caption(event);
    if (type === 'response.done') this.#count(event.response ?? {});
    if (type === 'error') this.#reports?.add('error', { source: 'response', code: codeOf(event.error) });
  }

  #enter(state: CallState): void {
    this.#state = state;
    this.#handlers.onState(state);
  }

  #caption({ type, item_id = '', delta = '', transcript }: ServerEvent): void {
    const text = transcript ?? (this.#captions.get(item_id) ?? '') + delta;
    this.#captions.set(item_id, text);
    const final = transcript !== undefined;
    this.#handlers.onCaption({ role: CAPTION_OF[type] ?? 'assistant', id: item_id, text, final });
  }

  #count({
    id = crypto.randomUUID(),
    status,
    usage,
    status_details,
  }: NonNullable<ServerEvent['response']>): void {
    if (usage) {
      this.#reports?.add('usage', { response_id: id, usage });
      this.#handlers.onUsage(id, usage);
    }
    // An answer without sound, such as one that was cancelled.
    if (this.#state === 'thinking') this.#enter('listening');
    if (status !== 'failed') return;
    const code = codeOf(status_details?.error);
    const problem = problemOfOpenAi(code);
    if (problem !== 'busy' && problem !== 'openai_error') {
      this.#fail(new Failure({ code: problem }, code), 'response');
      return;
    }
    // It may pass: the call goes on.
    this.#reports?.add('error', { source: 'response', code });
    this.#handlers.onNote('response_busy');
  }

  #obey(reason: HangUpReason): void {
    if (reason === 'max_duration') this.hangUp('max_duration', 'ended_max_duration');
    else this.hangUp('failed', 'ended_by_service');
  }

  #fail(error: unknown, source: 'connect' | 'response' | 'media', reason: EndReason = 'failed'): void {
    if (this.#isOver) return;
    const failure = error instanceof Failure ? error : new Failure({ code: 'connection_failed' });
    if (failure.problem.code === 'connection_lost')
      this.#end({ reason: 'connection_lost', problem: failure.problem });
    else {
      this.#reports?.add('error', { source, code: failure.reported });
      this.#end({ reason, problem: failure.problem });
    }
  }

  #end(end: Pick<CallEnd, 'reason' | 'note' | 'problem'>): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#reports?.end(end.reason);
    this.#release();
    const seconds = this.#connectedAt === 0 ? undefined : this.#seconds();
    this.#handlers.onEnd({ ...end, sessionId: this.#token?.session_id, seconds });
  }

  #release(): void {
    clearInterval(this.#timer);
    this.#abort.abort();
    this.#connection?.close();
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
  }

  #seconds(): number {
    return Math.floor((Date.now() - this.#connectedAt) / 1_000);
  }
}
