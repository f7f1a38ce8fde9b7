import { Call, type CallEnd, type CallState, type EmbedTokenSource } from './call.ts';
import type { Caption } from './caption.ts';
import { agree, hasAgreed, visitorId } from './consent.ts';
import type { Hint } from './extras/hints.ts';
import type { Extras } from './extras/index.ts';
import type { Talk } from './extras/talk.ts';
import type { ToolRequest, Tools } from './extras/tools.ts';
import { followLevels, type LevelMeter } from './meter.ts';
import type { SpeloVoiceElement } from './public.ts';
import { randomId } from './random-id.ts';
import { DEFAULT_STRINGS, type Problem, type ProblemCode, type StringName, type Strings } from './strings.ts';
import { type Button, createView, type Picture, type View } from './view.ts';

/** The `data-` attributes of the script tag: each that the element knows becomes its attribute. */
export type Wishes = Readonly<Record<string, string | undefined>>;

/** Where the widget is. `busy` and `error` may wait for a time to pass. */
export type WidgetState = 'idle' | 'notice' | CallState | 'busy' | 'error' | 'ended';

const DEFAULT_IDLE_SECONDS = 60;
const NO_SESSION = { sessionId: undefined, seconds: undefined };
/** A line can come free long before the time that the broker can promise; nobody hammers on it meanwhile. */
const BUSY_PAUSE_SECONDS = 5;

/** Problems that another try can solve; every other problem needs a change first. */
const WORTH_A_RETRY: ReadonlySet<ProblemCode> = new Set<ProblemCode>([
  'rate_limited',
  'busy',
  'openai_error',
  'openai_timeout',
  'unavailable',
  'unreachable',
  'microphone_blocked',
  'microphone_missing',
  'microphone_failed',
  'connection_failed',
  'connection_lost',
  'invalid_signature',
]);

/** Where these pages are rendered on a server there is nothing to extend. */
const Base = (globalThis.HTMLElement ?? Object) as typeof HTMLElement;

/** A page that moves the element puts it back within this time; its call then goes on. */
const MOVE_MS = 250;

const IN_CALL: ReadonlySet<WidgetState> = new Set<WidgetState>(['listening', 'thinking', 'speaking']);

/** After any of these a browser may let the page play sound again. */
const GESTURES = ['pointerdown', 'keydown', 'visibilitychange'] as const;

// biome-ignore lint/suspicious/noConsole: the developer of the page reads it there.
const warn = (text: string): void => console.warn(`spelo-voice: ${text}`);

const clock = (seconds: number): string =>
  `${Math.floor(seconds / 60)}:${String(Math.floor(seconds % 60)).padStart(2, '0')}`;

const waitText = (seconds: number, wait: string, over: string): string =>
  seconds > 0 ? wait.replace('{time}', clock(seconds)) : over;

/**
 * `<spelo-voice site-id="…">`: a button that becomes a voice call. Whatever fails is shown to the visitor and told to the
 * page in events; nothing is thrown at it.
 */
export class SpeloVoice extends Base implements SpeloVoiceElement {
  static readonly observedAttributes = ['label', 'captions', 'privacy-url', 'accent'];
  /** Where the broker is when the element has no `api` attribute. */
  static api = '';
  /** Loads what the script itself does not have; undefined where there is none. */
  static loadLanguage: (tag: string) => Promise<Partial<Strings> | undefined> = async () => undefined;
  static loadExtras: () => Promise<Extras | undefined> = async () => undefined;
  /** Puts a floating widget of a site on the page; a second copy of the script calls the first. */
  static embed: ((siteId: string, wishes?: Wishes) => void) | undefined;
  /** The one that holds a call; two would hear each other. */
  static #calling: SpeloVoice | undefined;

  /** Set by a page whose site asks for embed tokens: called before each call. */
  declare getEmbedToken: EmbedTokenSource | undefined;
  /** The page's functions, by the names in the settings of the site; read at each call of one. */
  declare tools: Tools | undefined;

  #view: View | undefined;
  #strings: Strings = DEFAULT_STRINGS;
  #ownStrings: Partial<Strings> = {};
  #language = 'en';
  #state: WidgetState = 'idle';
  #call: Call | undefined;
  #problem: Problem | undefined;
  #end: CallEnd | undefined;
  #seconds = 0;
  #note: StringName | undefined;
  #toldAt = 0;
  #retryAt = 0;
  #countdown: ReturnType<typeof setInterval> | undefined;
  #showsCaptions = true;
  #hasEvents = true;
  #isMini = false;
  #isTyped = false;
  #extras: Extras | undefined;
  #talk: Talk | undefined;
  #languageStrings: Partial<Strings> | undefined;
  #levels: LevelMeter | undefined;
  #isSoundBlocked = false;
  readonly #sound = new Audio();
  readonly #onGesture = (): void => this.#hearAgain();
  readonly #onPageHide = (): void => this.#call?.leave();

  connectedCallback(): void {
    if (this.#view === undefined) {
      this.#view = createView(this.attachShadow({ mode: 'open' }));
      this.#showsCaptions = this.getAttribute('captions') !== 'off';
      this.#sound.autoplay = true;
      this.#sound.addEventListener('pause', () => this.#hearAgain());
      // Opens the connection to the broker for a visitor who may click next; nothing is asked of it.
      for (const type of ['pointerenter', 'focusin'])
        this.addEventListener(
          type,
          () => {
            const link = document.createElement('link');
            document.head.append(
              Object.assign(link, { rel: 'preconnect', crossOrigin: '', href: this.#api }),
            );
          },
          { once: true },
        );
      this.addEventListener('keydown', ({ key }) => {
        if (key === 'Escape' && this.#state === 'notice') this.close();
      });
    }
    this.#upgrade('strings', 'muted');
    addEventListener('pagehide', this.#onPageHide);
    for (const type of GESTURES) document.addEventListener(type, this.#onGesture);
    if (this.#retryAt > 0) this.#countDown();
    void this.#speakLanguage();
    this.#draw();
  }

  disconnectedCallback(): void {
    setTimeout(() => {
      if (this.isConnected) return;
      removeEventListener('pagehide', this.#onPageHide);
      for (const type of GESTURES) document.removeEventListener(type, this.#onGesture);
      clearInterval(this.#countdown);
      this.hangUp();
    }, MOVE_MS);
  }

  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    if (name === 'captions') this.#showsCaptions = value !== 'off';
    this.#draw();
  }

  get #api(): string {
    return this.getAttribute('api') ?? SpeloVoice.api;
  }

  /** Takes over what a page has set before this script was loaded. */
  #upgrade(...names: readonly ('strings' | 'muted')[]): void {
    for (const name of names) {
      if (!Object.hasOwn(this, name)) continue;
      const value = this[name];
      delete (this as Record<string, unknown>)[name];
      Reflect.set(this, name, value);
    }
  }

  async #speakLanguage(): Promise<void> {
    const tag = this.closest<HTMLElement>('[lang]')?.lang ?? '';
    this.#languageStrings = await SpeloVoice.loadLanguage(tag);
    this.#language = this.#languageStrings === undefined ? 'en' : tag;
    this.#choose();
  }

  #choose(): void {
    this.#strings = {
      ...DEFAULT_STRINGS,
      ...this.#extras?.sentences,
      ...this.#languageStrings,
      ...this.#ownStrings,
    };
    this.#draw();
  }

  /** While the visitor reads the notice, or the broker opens the call. */
  async #extend(): Promise<void> {
    const extras = await SpeloVoice.loadExtras();
    if (extras === undefined || this.#extras !== undefined) return;
    this.#extras = extras;
    this.#view?.extend(extras.createView());
    this.#choose();
    if (IN_CALL.has(this.#state)) this.#beginTalk();
  }

  #beginTalk(): void {
    this.#talk?.close();
    const call = this.#call;
    this.#talk = this.#extras?.createTalk({
      send: (event) => call?.send(event),
      tools: () => this.tools,
      onFunction: (request: ToolRequest) => this.#tell('tool', request),
      warn,
    });
  }

  get state(): WidgetState {
    return this.#state;
  }

  get muted(): boolean {
    return this.#call?.muted ?? false;
  }

  set muted(muted: boolean) {
    if (this.#call) this.#call.muted = muted;
    this.#draw();
  }

  /** Sentences in place of the English ones; those that are left out stay. */
  get strings(): Strings {
    return this.#strings;
  }

  set strings(strings: Partial<Strings>) {
    this.#ownStrings = strings;
    this.#choose();
    if (this.isConnected) void this.#speakLanguage();
  }

  /** Begins a call, or shows the privacy notice first to a visitor who has not agreed to it. No effect during a call. */
  start(): void {
    this.#start(false);
  }

  #start(isTyped: boolean): void {
    if (this.#call !== undefined) return;
    this.#isTyped = isTyped;
    clearInterval(this.#countdown);
    void this.#extend();
    if (hasAgreed(this.#noticeVersion())) this.#begin();
    else this.#enter('notice');
  }

  hangUp(): void {
    this.#call?.hangUp();
  }

  /** Back to the button; ends a call that goes on. */
  close(): void {
    this.hangUp();
    clearInterval(this.#countdown);
    this.#retryAt = 0;
    this.#enter('idle');
  }

  #noticeVersion(): string {
    return this.getAttribute('notice-version') ?? '1';
  }

  #begin(): void {
    const siteId = this.getAttribute('site-id') ?? '';
    const api = this.#api;
    this.#problem = this.#end = this.#note = undefined;
    this.#seconds = this.#retryAt = 0;
    this.#isSoundBlocked = this.#isMini = false;
    this.#view?.clearCaptions();
    if (siteId === '' || api === '') {
      this.#finish({
        reason: 'failed',
        problem: { code: 'invalid_site_id' },
        hint: [siteId === '' ? 'no_site_id' : 'no_api'],
        ...NO_SESSION,
      });
      return;
    }
    if (SpeloVoice.#calling !== this) SpeloVoice.#calling?.hangUp();
    SpeloVoice.#calling = this;
    const call = new Call(
      {
        api,
        siteId,
        visitorId: visitorId(),
        getEmbedToken: this.getEmbedToken,
        idleSeconds: Number(this.getAttribute('idle-seconds')) || DEFAULT_IDLE_SECONDS,
        isTyped: this.#isTyped,
      },
      {
        onState: (state) => this.#enter(state),
        onConnected: ({ session_id, model, voice }, hasEvents) => {
          this.#hasEvents = hasEvents;
          if (hasEvents) this.#beginTalk();
          this.#tell('connected', { session_id, model, voice });
          this.#draw();
        },
        onEvent: (event) => this.#talk?.hear(event),
        retry: async () => (await SpeloVoice.loadExtras())?.retryWhileOffline,
        isBusy: () => this.#talk?.isBusy ?? false,
        onSound: (visitor, assistant) => this.#play(visitor, assistant),
        onCaption: (caption) => {
          this.#caption(caption);
        },
        onUsage: (response_id, usage) => this.#tell('usage', { response_id, usage }),
        onNote: (note) => {
          this.#note = note;
          this.#draw();
        },
        onTrouble: (code, sentence) => this.#tell('error', { code, message: this.#strings[sentence] ?? '' }),
        levels: () => this.#levels?.now(),
        onSecond: (seconds) => {
          this.#seconds = seconds;
          this.#draw();
        },
        onEnd: (end) => this.#finish(end),
      },
    );
    this.#call = call;
    void call.start();
  }

  #caption(caption: Caption): void {
    this.#view?.caption(caption, this.#strings[caption.role === 'visitor' ? 'you' : 'assistant'] ?? '');
    this.#tell('caption', caption);
  }

  #type(text: string): void {
    this.#caption({ role: 'visitor', id: randomId(), text, final: true });
    this.#talk?.type(text);
  }

  #play(visitor: MediaStream | undefined, assistant: MediaStream): void {
    this.#sound.srcObject = assistant;
    void this.#playSound();
    this.#levels?.stop();
    this.#levels = followLevels([visitor, assistant], (own, other) =>
      this.#view?.level(this.#state === 'speaking' ? other : this.muted ? 0 : own),
    );
  }

  /** Browsers refuse sound before a gesture, and the system pauses it for a phone call. */
  async #playSound(): Promise<void> {
    const blocked = await this.#sound.play().then(
      () => false,
      // Not for a sound that a newer one has replaced.
      (error: unknown) => error instanceof DOMException && error.name === 'NotAllowedError',
    );
    if (this.#call === undefined || blocked === this.#isSoundBlocked) return;
    this.#isSoundBlocked = blocked;
    if (blocked) this.#tell('error', { code: 'sound_blocked', message: this.#strings.sound_blocked });
    this.#draw();
  }

  #hearAgain(): void {
    if (this.#call === undefined) return;
    this.#levels?.resume();
    if (this.#sound.srcObject !== null && (this.#isSoundBlocked || this.#sound.paused))
      void this.#playSound();
  }

  #finish(end: CallEnd): void {
    this.#call = undefined;
    this.#talk?.close();
    this.#talk = undefined;
    if (SpeloVoice.#calling === this) SpeloVoice.#calling = undefined;
    this.#levels?.stop();
    this.#levels = undefined;
    this.#view?.level(0);
    this.#sound.srcObject = null;
    this.#end = end;
    this.#problem = end.problem;
    if (end.hint) void this.#advise(end.hint);
    if (end.problem) this.#tell('error', { ...end.problem, message: this.#sentenceOf(end.problem.code) });
    this.#tell('ended', { reason: end.reason, session_id: end.sessionId, seconds: end.seconds ?? 0 });
    if (end.problem) this.#wait(end.problem);
    // A call that was cancelled before it began leaves nothing to tell.
    else this.#enter(end.seconds === undefined ? 'idle' : 'ended');
  }

  async #advise(hint: Hint): Promise<void> {
    warn((await SpeloVoice.loadExtras())?.adviceOf(hint) ?? hint.join(' '));
  }

  /** A code that is newer than this script, or whose sentence was not loaded, has the general sentence. */
  #sentenceOf(code: ProblemCode): string {
    return this.#strings[code] ?? this.#strings.unavailable;
  }

  #wait({ code, retryAfter = 0 }: Problem): void {
    this.#toldAt = performance.now();
    this.#retryAt = this.#toldAt + retryAfter * 1_000;
    this.#countDown();
    this.#enter(code === 'busy' ? 'busy' : 'error');
  }

  #countDown(): void {
    clearInterval(this.#countdown);
    this.#countdown = setInterval(() => {
      if (this.#left() === 0) clearInterval(this.#countdown);
      this.#draw();
    }, 500);
  }

  /** Whole seconds until another try makes sense. */
  #left(): number {
    return Math.max(0, Math.ceil((this.#retryAt - performance.now()) / 1_000));
  }

  #enter(state: WidgetState): void {
    const previous = this.#state;
    this.#state = state;
    this.setAttribute('state', state);
    this.#draw();
    if (state !== previous) this.#tell('state', { state, previous });
  }

  #tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`spelo-${name}`, { bubbles: true, composed: true, detail }));
  }

  #draw(): void {
    this.#view?.show({ ...this.#picture(), ...this.#pictureOfState() });
  }

  #picture(): Picture {
    return {
      state: this.#state,
      region: this.#strings.region,
      language: Object.keys(this.#ownStrings).length > 0 ? '' : this.#language,
      isHeard: IN_CALL.has(this.#state) && !this.muted && !this.#isTyped,
      title: '',
      detail: '',
      time: '',
      orb: 'microphone',
      text: '',
      link: undefined,
      note: '',
      captionsHint: undefined,
      captionsLabel: this.#strings.captions ?? '',
      typing: undefined,
      isMuted: this.muted,
      isMini: false,
      accent: this.getAttribute('accent') ?? undefined,
      buttons: [],
    };
  }

  #pictureOfState(): Partial<Picture> {
    const words = this.#strings;
    switch (this.#state) {
      case 'idle':
        return { launcher: this.#button('launch', () => this.start(), { icon: 'microphone' }) };
      case 'notice':
        return this.#pictureOfNotice();
      case 'connecting':
        return {
          title: words.connecting,
          detail: this.#isTyped ? '' : words.permission,
          buttons: [this.#button('cancel', () => this.hangUp())],
        };
      case 'listening':
      case 'thinking':
      case 'speaking':
      case 'reconnecting':
        return this.#pictureOfCall();
      case 'busy':
      case 'error':
        return this.#pictureOfProblem();
      case 'ended':
        return {
          title: words.ended_title,
          detail: words.ended_after.replace('{time}', clock(this.#end?.seconds ?? 0)),
          orb: 'done',
          text: (this.#end?.note && words[this.#end.note]) ?? '',
          buttons: [
            this.#button('close', () => this.close()),
            this.#button('again', () => this.start(), { look: 'main' }),
          ],
        };
    }
  }

  #pictureOfNotice(): Partial<Picture> {
    const url = this.getAttribute('privacy-url');
    return {
      title: this.#strings.notice_title,
      text: this.#strings.notice,
      link: url === null ? undefined : { label: this.#strings.notice_link, url },
      buttons: [
        this.#button('decline', () => this.close()),
        this.#button(
          'agree',
          () => {
            agree(this.#noticeVersion());
            this.#start(this.#isTyped);
          },
          { look: 'main' },
        ),
      ],
    };
  }

  #pictureOfCall(): Partial<Picture> {
    const words = this.#strings;
    const isMuted = this.muted && this.#state !== 'speaking';
    const inCall = IN_CALL.has(this.#state);
    return {
      title:
        isMuted && inCall
          ? words.muted
          : (this.#isTyped && this.#state === 'listening' && words.typing) ||
            (words[this.#state as StringName] ?? ''),
      detail: (!inCall && words.reconnect_hint) || '',
      time: clock(this.#seconds),
      orb: isMuted ? 'microphoneOff' : 'bars',
      isMuted,
      isMini: this.#isMini,
      note: (this.#isSoundBlocked ? words.sound_blocked : this.#note && words[this.#note]) ?? '',
      captionsHint:
        this.#showsCaptions && this.#hasEvents ? (this.#isTyped ? '' : words.captions_hint) : undefined,
      typing: this.#isTyped
        ? {
            label: words.typing ?? '',
            send: words.send ?? '',
            onInput: () => this.#call?.touch(),
            onText: (text) => this.#type(text),
          }
        : undefined,
      buttons: [
        ...(this.#isTyped
          ? []
          : [
              this.#button('mute', () => this.#toggleMute(), {
                look: 'icon',
                icon: this.muted ? 'microphoneOff' : 'microphone',
                pressed: this.muted,
              }),
            ]),
        ...(this.#extras ? this.#buttonsOfExtras() : []),
        ...(this.#isSoundBlocked ? [this.#button('hear', () => this.#hearAgain(), { look: 'main' })] : []),
        this.#button('hang_up', () => this.hangUp(), { look: 'hang', icon: 'hangUp' }),
      ],
    };
  }

  #buttonsOfExtras(): readonly Button[] {
    const mini = this.#button('minimise', () => this.#toggleMini(), {
      look: 'icon',
      icon: 'minimise',
      pressed: this.#isMini,
    });
    if (!this.#hasEvents) return [mini];
    const captions = this.#button('captions', () => this.#toggleCaptions(), {
      look: 'icon',
      icon: 'captions',
      pressed: this.#showsCaptions,
    });
    return [mini, captions];
  }

  #pictureOfProblem(): Partial<Picture> {
    const words = this.#strings;
    const code = this.#problem?.code ?? 'unavailable';
    const left = this.#left();
    const isBusy = this.#state === 'busy';
    const pause = isBusy
      ? Math.max(0, BUSY_PAUSE_SECONDS - (performance.now() - this.#toldAt) / 1_000)
      : left;
    const isOfCall = /^(microphone|connection)_/.test(code);
    return {
      title:
        this.#state === 'busy' ? words.busy_title : isOfCall ? words.call_failed_title : words.error_title,
      detail: this.#sentenceOf(code),
      orb: 'attention',
      text: this.#problem?.retryAfter
        ? waitText(left, isBusy ? words.wait_busy : words.wait, words.wait_over)
        : '',
      buttons: [
        this.#button('close', () => this.close()),
        ...(/^microphone_/.test(code) && this.#extras && !this.#isTyped
          ? [this.#button('type_instead', () => this.#start(true))]
          : []),
        ...(WORTH_A_RETRY.has(code)
          ? [
              this.#button('retry', () => this.start(), {
                look: 'main' as const,
                disabled: Math.min(left, pause) > 0,
              }),
            ]
          : []),
      ],
    };
  }

  #toggleMute(): void {
    this.muted = !this.muted;
  }

  #toggleMini(): void {
    this.#isMini = !this.#isMini;
    this.#draw();
  }

  #toggleCaptions(): void {
    this.#showsCaptions = !this.#showsCaptions;
    this.#draw();
  }

  #button(name: StringName, onClick: () => void, more: Partial<Button> = {}): Button {
    const label = (name === 'launch' ? this.getAttribute('label') : undefined) ?? this.#strings[name] ?? '';
    return { name, label, onClick, ...more };
  }
}
