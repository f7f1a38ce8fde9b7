import { Activity, type Levels, type TurnState } from './activity.ts';
import { type OpenedCall, openCall, type TimedCall } from './broker.ts';
import type { Caption } from './caption.ts';
import { type ClientEvent, type Connection, connect, type ServerEvent } from './connection.ts';
import type { Hint } from './extras/hints.ts';
import type { Extras } from './extras/index.ts';
import { isUnplugged, openMicrophone, throwIfUnsupported, trackOf } from './microphone.ts';
import { randomId } from './random-id.ts';
import { type EndReason, type HangUp, Reports } from './reports.ts';
import {
  codeOf,
  Failure,
  type Problem,
  type ProblemCode,
  problemOfOpenAi,
  type StringName,
} from './strings.ts';

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
  /** Captions come only with events. */
  readonly onConnected: (call: OpenedCall, hasEvents: boolean) => void;
  /** The visitor has no sound where they type. */
  readonly onSound: (visitor: MediaStream | undefined, assistant: MediaStream) => void;
  /** Every event that is not a repetition. */
  readonly onEvent: (event: ServerEvent) => void;
  /** How to connect again after a loss; undefined where the extras could not be loaded. */
  readonly retry: () => Promise<Extras['retryWhileOffline'] | undefined>;
  /** True while the page works for the assistant, which then waits. */
  readonly isBusy: () => boolean;
  readonly onCaption: (caption: Caption) => void;
  readonly onUsage: (responseId: string, usage: unknown) => void;
  /** A passing remark, or none. */
  readonly onNote: (note: StringName | undefined) => void;
  /** Something went wrong in a call that goes on: OpenAI's or the browser's name for it, and our sentence. */
  readonly onTrouble: (code: string, sentence: StringName) => void;
  /** How loud both sides are at this moment; undefined when that is not measured. */
  readonly levels: () => Levels | undefined;
  readonly onSecond: (seconds: number) => void;
  /** The last thing that a call says. */
  readonly onEnd: (end: CallEnd) => void;
}

export type EmbedTokenSource = () => string | Promise<string>;

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

const WARN_SECONDS = 15;
const NEARLY_UP_SECONDS = 60;
/** How often sound levels decide whose turn it is, where there are no events. */
const LISTEN_MS = 100;
const CONNECT_TIMEOUT_MS = 15_000;
/** A lost call is connected again once; after so long without another loss it may be lost again. */
const STABLE_MS = 180_000;
const RECONNECT_TIMEOUT_MS = 8_000;
/** A connection that is lost so close to the longest time was ended for it, by OpenAI. */
const LIMIT_MARGIN_SECONDS = 5;

/** Failures that a network which comes back can mend, and a line that the lost session still holds. */
const PASSING: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'unreachable',
  'connection_failed',
  'unavailable',
  'openai_error',
  'openai_timeout',
  'busy',
]);

/** Sites of this page that allow no data channel: known after the first call. */
const locked = new Set<string>();

/** An owner ends calls by hand, or by removing the key, the site or the workspace. */
const BY_OWNER = /^(?:operator|key_|site_|workspace_)/;

const NOTE_OF_INCOMPLETE: Readonly<Record<string, StringName>> = {
  content_filter: 'response_filtered',
  max_output_tokens: 'response_cut',
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
  readonly #activity = new Activity();
  #microphone: MediaStream | undefined;
  /** The first microphone; undefined where the visitor types. */
  #asked: Promise<unknown> | undefined;
  #assistant: MediaStream | undefined;
  #opened: TimedCall | undefined;
  #embedToken: string | undefined;
  #reports: Reports | undefined;
  #connection: Connection | undefined;
  #timer: ReturnType<typeof setInterval> | undefined;
  #listener: ReturnType<typeof setInterval> | undefined;
  #isConnected = false;
  #connectedAt: number | undefined;
  #stableSince = 0;
  #reportedAt = 0;
  #mayReconnect = true;
  #end: EndReason | undefined;
  #isMuted = false;
  #isSilenced = false;
  #note: StringName | undefined;
  #state: CallState = 'connecting';
  #captions = new Map<string, string>();

  constructor(options: CallOptions, handlers: CallHandlers) {
    this.#options = options;
    this.#handlers = handlers;
  }

  async start(): Promise<void> {
    this.#enter('connecting');
    try {
      throwIfUnsupported();
      if (!this.#options.isTyped) this.#asked = this.#openMicrophone();
      // A visitor who refuses after they hung up changes nothing.
      this.#asked?.catch(() => undefined);
      await this.#connect(CONNECT_TIMEOUT_MS);
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

  /** Sends an event to OpenAI, and counts it as a word of the visitor. */
  send(event: ClientEvent): void {
    this.touch();
    this.#connection?.send(event);
  }

  /** The visitor is there, although nobody speaks. */
  touch(): void {
    this.#activity.touch(performance.now());
    if (this.#note === 'still_there') this.#setNote(undefined);
  }

  hangUp(reason: EndReason = 'hung_up', note?: StringName): void {
    this.#finish({ reason, note });
  }

  /** The page closes: only what needs no answer is still sent. */
  leave(): void {
    if (this.#isOver) return;
    this.#reports?.leave();
    this.#finish({ reason: 'page_closed' });
  }

  get #isOver(): boolean {
    return this.#end !== undefined;
  }

  async #openMicrophone(): Promise<MediaStreamTrack | undefined> {
    const stream = await openMicrophone();
    this.#microphone = stream;
    this.muted = this.#isMuted;
    const track = trackOf(stream);
    if (this.#isOver) this.#release();
    else if (track !== undefined) this.#watchMicrophone(track);
    return track;
  }

  #watchMicrophone(track: MediaStreamTrack): void {
    const watching = new AbortController();
    const { signal } = watching;
    const silence = (isSilenced: boolean): void => {
      this.#isSilenced = isSilenced;
      this.#showNote();
    };
    const replace = (): void => {
      if (signal.aborted) return;
      watching.abort();
      silence(false);
      track.stop();
      if (!this.#isOver) void this.#replaceMicrophone();
    };
    this.#abort.signal.addEventListener('abort', () => watching.abort(), { signal });
    track.addEventListener('ended', replace, { signal });
    track.addEventListener('mute', () => silence(true), { signal });
    track.addEventListener('unmute', () => silence(false), { signal });
    navigator.mediaDevices.addEventListener(
      'devicechange',
      async () => {
        if (await isUnplugged(track)) replace();
      },
      { signal },
    );
    silence(track.muted);
  }

  async #replaceMicrophone(): Promise<void> {
    try {
      const track = await this.#openMicrophone();
      if (this.#isOver || track === undefined) return;
      await this.#connection?.replaceTrack(track);
      this.#tellSound();
    } catch (error) {
      this.#fail(error, 'media');
    }
  }

  #tellSound(): void {
    if (this.#assistant) this.#handlers.onSound(this.#microphone, this.#assistant);
  }

  /** Sends the offer of a connection to the broker; resolves with OpenAI's answer. */
  async #exchange(sdp: string): Promise<string> {
    const { api, siteId, visitorId } = this.#options;
    const lost = this.#opened;
    // A call that takes the place of another needs no second token.
    this.#embedToken ??= await this.#options.getEmbedToken?.();
    const call = await openCall(api, siteId, {
      sdp,
      visitor_id: visitorId,
      embed_token: this.#embedToken,
      replaces: lost && {
        session_id: lost.session_id,
        signature: (await this.#reports?.sign(`replaces.${lost.session_id}`)) ?? '',
      },
    });
    this.#opened = call;
    this.#reports?.end('connection_lost');
    this.#reports = new Reports(`${api}/v1/${siteId}/sessions/${call.session_id}/events`, call, (hangUp) =>
      this.#obey(hangUp),
    );
    // Hung up while the broker was still answering: the line is given back at once.
    if (this.#end !== undefined) {
      this.#reports.end(this.#end);
      throw new Failure({ code: 'connection_failed' });
    }
    return call.sdp;
  }

  async #connect(timeoutMs: number): Promise<void> {
    const { api, siteId } = this.#options;
    const site = `${api} ${siteId}`;
    const hasEvents = !locked.has(site);
    try {
      await this.#connectWith(hasEvents, timeoutMs);
    } catch (error) {
      if (!hasEvents || !(error instanceof Failure) || error.problem.code !== 'invalid_offer') throw error;
      locked.add(site);
      // Nobody can type to an assistant without events.
      if (this.#options.isTyped) throw new Failure({ code: 'microphone_missing' });
      if (!this.#isOver) await this.#connectWith(false, timeoutMs);
    }
  }

  async #connectWith(hasEvents: boolean, timeoutMs: number): Promise<void> {
    let microphone: MediaStreamTrack | undefined;
    const current = async () => {
      await this.#asked;
      microphone = trackOf(this.#microphone);
      return microphone;
    };
    const connection = await connect(
      {
        microphone: this.#asked && current(),
        timeoutMs,
        hasEvents,
        exchange: (offer) => this.#exchange(offer),
      },
      {
        onEvent: (event) => this.#hear(event),
        onSound: (stream) => {
          this.#assistant = stream;
          this.#tellSound();
        },
        onLost: () => void this.#lost(),
      },
      this.#abort.signal,
    );
    if (this.#isOver) {
      connection.close();
      return;
    }
    const now = performance.now();
    const track = trackOf(this.#microphone);
    if (microphone !== track && track) await connection.replaceTrack(track);
    this.#connection = connection;
    this.#isConnected = true;
    this.#reports?.add('connected');
    this.#activity.restart(now);
    this.#stableSince = this.#reportedAt = now;
    this.#connectedAt ??= now;
    this.#timer ??= setInterval(() => this.#tick(), 1_000);
    if (!hasEvents) this.#listener ??= setInterval(() => this.#listen(), LISTEN_MS);
    this.#enter('listening');
    if (this.#opened) {
      if (this.#opened.first_message) connection.send(this.#opened.first_message);
      this.#handlers.onConnected(this.#opened, hasEvents);
    }
  }

  /** Connects a lost call again. The assistant forgets the conversation so far. */
  async #lost(): Promise<void> {
    this.#isConnected = false;
    this.#reports?.add('error', { source: 'media', code: 'connection_lost' });
    const call = this.#opened;
    if (this.#isOver || call === undefined) return;
    if (this.#seconds() >= call.max_duration_seconds - LIMIT_MARGIN_SECONDS) {
      this.hangUp('max_duration', 'ended_max_duration');
      return;
    }
    const now = performance.now();
    if (!this.#mayReconnect && now - this.#stableSince < STABLE_MS) {
      this.#fail(new Failure({ code: 'connection_lost' }), 'media');
      return;
    }
    this.#mayReconnect = false;
    this.#enter('reconnecting');
    const isBack = await (await this.#handlers.retry())?.(() => this.#connectAgain(), this.#abort.signal);
    if (!isBack) this.#fail(new Failure({ code: 'connection_lost' }), 'media');
  }

  /**
   * As a new call that takes the line of the lost one, unless the broker has ended that. Resolves with false where another
   * try may work.
   */
  async #connectAgain(): Promise<boolean> {
    try {
      await this.#reports?.drained();
      if (!this.#isOver) await this.#connect(RECONNECT_TIMEOUT_MS);
    } catch (error) {
      const code = error instanceof Failure ? error.problem.code : 'connection_failed';
      if (PASSING.has(code)) return false;
      this.#fail(error, 'connect', 'connection_lost');
    }
    return true;
  }

  #tick(): void {
    const call = this.#opened;
    if (call === undefined) return;
    const now = performance.now();
    const seconds = this.#seconds();
    if (this.#isConnected && !this.#handlers.isBusy()) this.#activity.tick(now, this.#handlers.levels());
    else this.#activity.touch(now);
    this.#follow();
    const silentSeconds = this.#activity.silentMs(now) / 1_000;
    const leftSeconds = call.max_duration_seconds - seconds;
    const { idleSeconds } = this.#options;
    const isQuiet = silentSeconds >= idleSeconds - Math.min(WARN_SECONDS, idleSeconds / 2);
    this.#handlers.onSecond(seconds);
    if (leftSeconds <= 0) this.hangUp('max_duration', 'ended_max_duration');
    else if (silentSeconds >= idleSeconds) this.hangUp('idle', 'ended_idle');
    else if (isQuiet) this.#setNote('still_there');
    else if (leftSeconds <= NEARLY_UP_SECONDS && call.max_duration_seconds > 2 * NEARLY_UP_SECONDS)
      this.#setNote('time_nearly_up');
    else if (this.#note === 'still_there') this.#setNote(undefined);
    if (this.#isOver || now - this.#reportedAt < call.heartbeat_seconds * 1_000) return;
    this.#reportedAt = now;
    this.#reports?.add('heartbeat');
  }

  /** Without events the sound itself says whose turn it is. */
  #listen(): void {
    if (this.#isConnected) this.#activity.listen(performance.now(), this.#handlers.levels());
    this.#follow();
  }

  #hear(event: ServerEvent): void {
    const { type } = event;
    if (!this.#activity.hear(event, performance.now())) return;
    if (/speech_started|response\.created/.test(type) || this.#note === 'still_there')
      this.#setNote(undefined);
    if (type in CAPTION_OF) this.#caption(event);
    if (type === 'response.done') this.#count(event.response ?? {});
    if (type === 'error') this.#hearError(codeOf(event.error));
    if (!this.#isOver) this.#handlers.onEvent(event);
    this.#follow();
  }

  #hearError(code: string | null): void {
    // OpenAI ends each session after an hour: https://developers.openai.com/api/docs/guides/realtime-conversations
    if (code === 'session_expired') this.hangUp('max_duration', 'ended_max_duration');
    else this.#trouble(code, undefined);
  }

  /** Something went wrong and the call goes on. */
  #trouble(code: string | null, note: StringName | undefined): void {
    this.#reports?.add('error', { source: 'response', code });
    if (note) this.#setNote(note);
    this.#handlers.onTrouble(code ?? 'response_failed', note ?? 'response_failed');
  }

  /** Shows whose turn it is. */
  #follow(): void {
    const state = this.#handlers.isBusy() ? 'thinking' : this.#activity.state;
    if (this.#isConnected && !this.#isOver && state !== this.#state) this.#enter(state);
  }

  #setNote(note: StringName | undefined): void {
    this.#note = note;
    this.#showNote();
  }

  #showNote(): void {
    if (!this.#isOver) this.#handlers.onNote(this.#isSilenced ? 'microphone_silent' : this.#note);
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

  #count({ id = randomId(), status, usage, status_details }: NonNullable<ServerEvent['response']>): void {
    if (usage) {
      this.#reports?.add('usage', { response_id: id, usage });
      this.#handlers.onUsage(id, usage);
    }
    if (status === 'incomplete') {
      const reason = status_details?.reason ?? null;
      this.#trouble(reason, NOTE_OF_INCOMPLETE[reason ?? ''] ?? 'response_failed');
    }
    if (status !== 'failed') return;
    const code = codeOf(status_details?.error);
    const problem = problemOfOpenAi(code);
    // It may pass: the call goes on.
    if (problem === 'busy') this.#trouble(code, 'response_busy');
    else if (problem === 'openai_error') this.#trouble(code, 'response_failed');
    else this.#fail(new Failure({ code: problem }, code), 'response');
  }

  #obey({ reason, endedBy }: HangUp): void {
    const why = endedBy ?? reason;
    if (why === 'max_duration') this.hangUp(why, 'ended_max_duration');
    else if (why === 'budget') this.hangUp('failed', 'ended_limit');
    else this.hangUp('failed', BY_OWNER.test(why) ? 'ended_by_owner' : 'ended_by_service');
  }

  #fail(error: unknown, source: 'connect' | 'response' | 'media', reason: EndReason = 'failed'): void {
    if (this.#isOver) return;
    const failure = error instanceof Failure ? error : new Failure({ code: 'connection_failed' });
    const { problem, hint } = failure;
    if (problem.code === 'connection_lost') this.#finish({ reason: 'connection_lost', problem });
    else {
      this.#reports?.add('error', { source, code: failure.reported });
      this.#finish({ reason, problem, hint });
    }
  }

  #finish(end: Pick<CallEnd, 'reason' | 'note' | 'problem' | 'hint'>): void {
    if (this.#isOver) return;
    this.#end = end.reason;
    this.#reports?.end(end.reason);
    this.#release();
    const seconds = this.#connectedAt === undefined ? undefined : this.#seconds();
    this.#handlers.onEnd({ ...end, sessionId: this.#opened?.session_id, seconds });
  }

  #release(): void {
    clearInterval(this.#timer);
    clearInterval(this.#listener);
    this.#abort.abort();
    this.#connection?.close();
    for (const track of this.#microphone?.getTracks() ?? []) track.stop();
  }

  #seconds(): number {
    return Math.floor((performance.now() - (this.#connectedAt ?? performance.now())) / 1_000);
  }
}
