import { Activity } from './activity.ts';
import type { CallEnd, CallHandlers, CallOptions, CallState } from './call-types.ts';
import { type Connection, connect } from './connection.ts';
import type { ClientEvent, ServerEvent } from './events.ts';
import { limitOf } from './limits.ts';
import { Line } from './line.ts';
import { openMicrophone, throwIfUnsupported, trackOf, watchTrack } from './microphone.ts';
import { codeOf, type Response, troubleOf } from './openai-trouble.ts';
import { randomId } from './random-id.ts';
import { type EndReason, endOf } from './reports.ts';
import { Failure, type ProblemCode, type StringName } from './strings.ts';

/** How often sound levels decide whose turn it is, if there are no events. */
const LISTEN_MS = 100;
const CONNECT_TIMEOUT_MS = 15_000;
/** A lost call is connected again once. After this time without another loss, it can be connected again once more. */
const STABLE_MS = 180_000;
const RECONNECT_TIMEOUT_MS = 8_000;
/** A connection that is lost this close to the longest time was ended by OpenAI because of that time. */
const LIMIT_MARGIN_SECONDS = 5;

/** Failures that pass when the network returns, or when the lost session releases its line. */
const PASSING: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'unreachable',
  'connection_failed',
  'unavailable',
  'openai_error',
  'openai_timeout',
  'busy',
]);

/** Sites of this page that allow no data channel; known after the first call. */
const locked = new Set<string>();

/** One call, from the click to its end. It reports to the broker, follows its orders, and never throws. */
export class Call {
  readonly #options: CallOptions;
  readonly #handlers: CallHandlers;
  readonly #abort = new AbortController();
  readonly #activity = new Activity();
  readonly #line: Line;
  #microphone: MediaStream | undefined;
  #assistant: MediaStream | undefined;
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

  constructor(options: CallOptions, handlers: CallHandlers) {
    this.#options = options;
    this.#handlers = handlers;
    this.#line = new Line(options, (hangUp) => this.hangUp(...endOf(hangUp)));
  }

  async start(): Promise<void> {
    try {
      throwIfUnsupported();
      // The browser opens the microphone while the page draws.
      const opening = this.#options.isTyped || this.#openMicrophone();
      this.#enter('connecting');
      await opening;
      if (!this.#isOver) await this.#connect(CONNECT_TIMEOUT_MS);
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

  /** Sends an event to OpenAI, and counts it as activity of the visitor. */
  send(event: ClientEvent): void {
    this.touch();
    this.#connection?.send(event);
  }

  /** Records that the visitor is present although nobody speaks. */
  touch(): void {
    this.#activity.touch(performance.now());
    if (this.#note === 'still_there') this.#setNote(undefined);
  }

  hangUp(reason: EndReason = 'hung_up', note?: StringName): void {
    this.#finish({ reason, note });
  }

  /** The page closes. Sends only what needs no answer. */
  leave(): void {
    if (this.#isOver) return;
    this.#line.leave();
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
    else if (track !== undefined)
      watchTrack(track, this.#abort.signal, {
        onSilenced: (isSilenced) => {
          this.#isSilenced = isSilenced;
          this.#showNote();
        },
        onGone: () => void this.#replaceMicrophone(),
      });
    return track;
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
    const connection = await connect(
      {
        microphone: trackOf(this.#microphone),
        timeoutMs,
        hasEvents,
        exchange: (offer) => {
          setTimeout(this.#handlers.onSent);
          return this.#line.open(offer);
        },
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
    this.#connection = connection;
    // The microphone may have been replaced while the call was opened. From here on #replaceMicrophone does it.
    const track = trackOf(this.#microphone);
    if (track) await connection.replaceTrack(track);
    // #release has closed the connection.
    if (this.#isOver) return;
    const now = performance.now();
    this.#isConnected = true;
    this.#line.report('connected');
    this.#activity.restart(now);
    this.#stableSince = this.#reportedAt = now;
    this.#connectedAt ??= now;
    this.#timer ??= setInterval(() => this.#tick(), 1_000);
    if (!hasEvents) this.#listener ??= setInterval(() => this.#listen(), LISTEN_MS);
    this.#enter('listening');
    const { call } = this.#line;
    if (call) {
      if (call.first_message) connection.send(call.first_message);
      this.#handlers.onConnected(call, hasEvents);
    }
  }

  /** Connects a lost call again. The assistant forgets the conversation so far. */
  async #lost(): Promise<void> {
    this.#isConnected = false;
    this.#line.report('error', { source: 'media', code: 'connection_lost' });
    const call = this.#line.call;
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
   * As a new call that takes the line of the lost one, unless the broker has ended that. Resolves with false if another
   * try may work.
   */
  async #connectAgain(): Promise<boolean> {
    try {
      // The answer to a report may say that the owner has ended this call. A new one would ignore that.
      if (await this.#line.isUnheard()) return false;
      if (!this.#isOver) await this.#connect(RECONNECT_TIMEOUT_MS);
    } catch (error) {
      const code = error instanceof Failure ? error.problem.code : 'connection_failed';
      if (PASSING.has(code)) return false;
      this.#fail(error, 'connect', 'connection_lost');
    }
    return true;
  }

  #tick(): void {
    const call = this.#line.call;
    if (call === undefined) return;
    const now = performance.now();
    const seconds = this.#seconds();
    if (this.#isConnected && !this.#handlers.isBusy()) this.#activity.tick(now, this.#handlers.levels());
    else this.#activity.touch(now);
    this.#follow();
    this.#handlers.onSecond(seconds);
    const [sentence, end] = limitOf({
      silentSeconds: this.#activity.silentMs(now) / 1_000,
      idleSeconds: this.#options.idleSeconds,
      leftSeconds: call.max_duration_seconds - seconds,
      longestSeconds: call.max_duration_seconds,
    });
    if (end) this.hangUp(end, sentence);
    else if (sentence || this.#note === 'still_there') this.#setNote(sentence);
    if (this.#isOver || now - this.#reportedAt < call.heartbeat_seconds * 1_000) return;
    this.#reportedAt = now;
    this.#line.report('heartbeat');
  }

  /** Without events, the sound level decides whose turn it is. */
  #listen(): void {
    if (this.#isConnected) this.#activity.listen(performance.now(), this.#handlers.levels());
    this.#follow();
  }

  #hear(event: ServerEvent): void {
    const { type } = event;
    if (!this.#activity.hear(event, performance.now())) return;
    if (/speech_started|response\.created/.test(type) || this.#note === 'still_there')
      this.#setNote(undefined);
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

  /** Something went wrong and the call continues. */
  #trouble(code: string | null, note: StringName | undefined): void {
    this.#line.report('error', { source: 'response', code });
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

  #count(response: Response): void {
    const { id = randomId(), usage } = response;
    if (usage) {
      this.#line.report('usage', { response_id: id, usage });
      this.#handlers.onUsage(id, usage);
    }
    const trouble = troubleOf(response);
    if (trouble?.problem) this.#fail(new Failure({ code: trouble.problem }, trouble.code), 'response');
    else if (trouble) this.#trouble(trouble.code, trouble.sentence);
  }

  #fail(error: unknown, source: 'connect' | 'response' | 'media', reason: EndReason = 'failed'): void {
    if (this.#isOver) return;
    const failure = error instanceof Failure ? error : new Failure({ code: 'connection_failed' });
    const { problem, hint } = failure;
    if (problem.code === 'connection_lost') this.#finish({ reason: 'connection_lost', problem });
    else {
      this.#line.report('error', { source, code: failure.reported });
      this.#finish({ reason, problem, hint });
    }
  }

  #finish(end: Pick<CallEnd, 'reason' | 'note' | 'problem' | 'hint'>): void {
    if (this.#isOver) return;
    this.#end = end.reason;
    this.#line.end(end.reason);
    this.#release();
    const seconds = this.#connectedAt === undefined ? undefined : this.#seconds();
    this.#handlers.onEnd({ ...end, sessionId: this.#line.call?.session_id, seconds });
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
