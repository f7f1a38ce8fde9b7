import type { EmbedTokenSource } from './broker.ts';
import { Call } from './call.ts';
import type { CallEnd } from './call-types.ts';
import type { Caption } from './caption.ts';
import { agree, hasAgreed, visitorId } from './consent.ts';
import type { Hint } from './extras/hints.ts';
import type { Extras } from './extras/index.ts';
import type { Talk } from './extras/talk.ts';
import type { ToolRequest, Tools } from './extras/tools.ts';
import { IN_CALL, pictureOf, type Scene, type Stage, sentenceOf, type WidgetState } from './pictures.ts';
import type { SpeloVoiceElement } from './public.ts';
import { randomId } from './random-id.ts';
import { Sound } from './sound.ts';
import { DEFAULT_STRINGS, type Strings } from './strings.ts';
import { createView, type View } from './view.ts';
import { Wait } from './wait.ts';

/** The `data-` attributes of the script tag: each that the element knows becomes its attribute. */
export type Wishes = Readonly<Record<string, string | undefined>>;

const DEFAULT_IDLE_SECONDS = 60;
const NO_SESSION = { sessionId: undefined, seconds: undefined };

/** On a server there is no HTMLElement to extend. */
const Base = (globalThis.HTMLElement ?? Object) as typeof HTMLElement;

/** A page that moves the element puts it back within this time; its call then continues. */
const MOVE_MS = 250;

/** After any of these a browser may let the page play sound again. */
const GESTURES = ['pointerdown', 'keydown', 'visibilitychange'] as const;

// biome-ignore lint/suspicious/noConsole: the developer of the page reads it there.
const warn = (text: string): void => console.warn(`spelo-voice: ${text}`);

/**
 * `<spelo-voice site-id="…">`: a button that becomes a voice call. The visitor sees every failure and the
 * page gets it as an event; the element throws nothing.
 */
export class SpeloVoice extends Base implements SpeloVoiceElement {
  static readonly observedAttributes = ['label', 'captions', 'privacy-url', 'accent', 'lang'];
  /** Origin of the broker if the element has no `api` attribute. */
  static api = '';
  /** Loads what the script itself does not have; undefined if there is none. */
  static loadLanguage: (tag: string) => Promise<Partial<Strings> | undefined> = async () => undefined;
  static loadExtras: () => Promise<Extras | undefined> = async () => undefined;
  /** Puts a floating widget of a site on the page; a second copy of the script calls the first. */
  static embed: ((siteId: string, wishes?: Wishes) => void) | undefined;
  /** The element with the current call: two calls on a page would hear each other. */
  static #calling: SpeloVoice | undefined;

  /** Set by a page whose site asks for embed tokens: called before each call. */
  declare getEmbedToken: EmbedTokenSource | undefined;
  /** The page's functions, by the names in the settings of the site; read at each call of one. */
  declare tools: Tools | undefined;

  #view: View | undefined;
  #ownStrings: Partial<Strings> = {};
  #call: Call | undefined;
  #extras: Extras | undefined;
  #talk: Talk | undefined;
  #languageStrings: Partial<Strings> | undefined;
  readonly #scene: Scene = {
    state: 'idle',
    strings: DEFAULT_STRINGS,
    language: 'en',
    seconds: 0,
    showsCaptions: true,
    hasEvents: true,
  };
  readonly #wait = new Wait(() => this.#draw());
  readonly #stage: Stage = {
    waiting: this.#wait,
    attribute: (name) => this.getAttribute(name),
    isMuted: () => this.muted,
    isSilent: () => this.#sound.isBlocked,
    start: (isTyped) => this.#start(isTyped),
    agree: () => {
      agree(this.#noticeVersion());
      this.#start(this.#scene.isTyped === true);
    },
    close: () => this.close(),
    hangUp: () => this.hangUp(),
    toggleMute: () => {
      this.muted = !this.muted;
    },
    hearSound: () => this.#sound.hearAgain(),
    touch: () => this.#call?.touch(),
    type: (text) => this.#type(text),
    redraw: () => this.#draw(),
  };
  readonly #sound = new Sound((isBlocked) => {
    if (isBlocked) this.#tell('error', { code: 'sound_blocked', message: this.#scene.strings.sound_blocked });
    this.#draw();
  });
  readonly #languageWatcher = new MutationObserver(() => void this.#speakLanguage());
  readonly #onGesture = (): void => this.#sound.hearAgain();
  readonly #onPageHide = (): void => this.#call?.leave();

  connectedCallback(): void {
    if (this.#view === undefined) {
      this.#view = createView(this.attachShadow({ mode: 'open' }));
      // A router's copy of an element in a call.
      if (this.#scene.state === 'idle') this.removeAttribute('state');
      this.#scene.showsCaptions = this.getAttribute('captions') !== 'off';
      // Opens the connection to the broker before the visitor clicks. Sends no request.
      const preconnect = () => {
        const link = document.createElement('link');
        document.head.append(Object.assign(link, { rel: 'preconnect', crossOrigin: '', href: this.#api }));
      };
      this.addEventListener('pointerenter', preconnect, { once: true });
      this.addEventListener('keydown', ({ key }) => {
        if (key === 'Escape' && this.#scene.state === 'notice') this.close();
      });
    }
    this.#upgrade('strings', 'muted');
    addEventListener('pagehide', this.#onPageHide);
    for (const type of GESTURES) document.addEventListener(type, this.#onGesture);
    this.#wait.resume();
    this.#languageWatcher.observe(document.documentElement, { attributeFilter: ['lang'] });
    void this.#speakLanguage();
    this.#draw();
  }

  disconnectedCallback(): void {
    setTimeout(() => {
      if (this.isConnected) return;
      this.#languageWatcher.disconnect();
      removeEventListener('pagehide', this.#onPageHide);
      for (const type of GESTURES) document.removeEventListener(type, this.#onGesture);
      this.#wait.halt();
      this.hangUp();
    }, MOVE_MS);
  }

  attributeChangedCallback(name: string, _: string | null, value: string | null): void {
    if (name === 'captions') this.#scene.showsCaptions = value !== 'off';
    if (name === 'lang') void this.#speakLanguage();
    this.#draw();
  }

  get #api(): string {
    return this.getAttribute('api') ?? SpeloVoice.api;
  }

  /** Takes over properties that the page set before this script was loaded. */
  #upgrade(...names: readonly ('strings' | 'muted')[]): void {
    for (const name of names) {
      if (!Object.keys(this).includes(name)) continue;
      const value = this[name];
      delete (this as Record<string, unknown>)[name];
      Reflect.set(this, name, value);
    }
  }

  /** The language of the page around the element, which may be inside another shadow root. */
  get #tag(): string {
    return (this.closest<HTMLElement>('[lang]') ?? document.documentElement).lang;
  }

  async #speakLanguage(): Promise<void> {
    const tag = this.#tag;
    const strings = await SpeloVoice.loadLanguage(tag);
    if (tag !== this.#tag) return;
    this.#languageStrings = strings;
    this.#choose(tag);
  }

  #choose(tag = this.#tag): void {
    this.#scene.strings = {
      ...DEFAULT_STRINGS,
      ...this.#extras?.sentences,
      ...this.#languageStrings,
      ...this.#ownStrings,
    };
    const isOwn = Object.keys(this.#ownStrings).length > 0;
    this.#scene.language = isOwn ? '' : this.#languageStrings ? tag : 'en';
    this.#draw();
  }

  /** While the visitor reads the notice, or the broker opens the call. */
  async #extend(): Promise<void> {
    const extras = await SpeloVoice.loadExtras();
    if (extras === undefined || this.#extras !== undefined) return;
    this.#extras = extras;
    this.#scene.hasExtras = true;
    this.#view?.extend(extras.createView());
    this.#choose();
    if (IN_CALL.has(this.#scene.state)) this.#beginTalk();
  }

  #beginTalk(): void {
    this.#talk?.close();
    const call = this.#call;
    this.#talk = this.#extras?.createTalk({
      send: (event) => call?.send(event),
      tools: () => this.tools,
      onFunction: (request: ToolRequest) => this.#tell('tool', request),
      onCaption: (caption) => this.#caption(caption),
      warn,
    });
  }

  get state(): WidgetState {
    return this.#scene.state;
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
    return this.#scene.strings;
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
    this.#scene.isTyped = isTyped;
    this.#wait.halt();
    if (hasAgreed(this.#noticeVersion())) this.#begin();
    else this.#enter('notice');
    // Their drawing would delay the microphone.
    void (this.#call ? SpeloVoice.loadExtras() : this.#extend());
  }

  hangUp(): void {
    this.#call?.hangUp();
  }

  /** Shows the button again, and ends a running call. */
  close(): void {
    this.hangUp();
    this.#wait.clear();
    this.#enter('idle');
  }

  #noticeVersion(): string {
    return this.getAttribute('notice-version') ?? '1';
  }

  #begin(): void {
    const siteId = this.getAttribute('site-id') ?? '';
    const api = this.#api;
    this.#scene.problem = this.#scene.end = this.#scene.note = undefined;
    this.#scene.seconds = 0;
    this.#wait.clear();
    this.#scene.isMini = false;
    this.#view?.clearCaptions();
    // Without a broker there is no place to load the advice from.
    if (api === '') warn('the broker is not known: set the attribute api.');
    if (siteId === '' || api === '') {
      const hint: Hint | undefined = siteId === '' ? ['no_site_id'] : undefined;
      this.#finish({ reason: 'failed', problem: { code: 'invalid_site_id' }, hint, ...NO_SESSION });
      return;
    }
    if (SpeloVoice.#calling !== this) SpeloVoice.#calling?.hangUp();
    SpeloVoice.#calling = this;
    const idleSeconds = Number(this.getAttribute('idle-seconds'));
    const call = new Call(
      {
        api,
        siteId,
        visitorId: visitorId(),
        getEmbedToken: this.getEmbedToken,
        idleSeconds: idleSeconds > 0 ? idleSeconds : DEFAULT_IDLE_SECONDS,
        isTyped: this.#scene.isTyped === true,
      },
      {
        onState: (state) => this.#enter(state),
        onConnected: ({ session_id, model, voice }, hasEvents) => {
          this.#scene.hasEvents = hasEvents;
          if (hasEvents) this.#beginTalk();
          this.#tell('connected', { session_id, model, voice });
          this.#draw();
        },
        onSent: () => void this.#extend(),
        onEvent: (event) => this.#talk?.hear(event),
        retry: async () => (await SpeloVoice.loadExtras())?.retryWhileOffline,
        isBusy: () => this.#talk?.isBusy ?? false,
        onSound: (visitor, assistant) =>
          this.#sound.play(visitor, assistant, (own, other) =>
            this.#view?.level(this.#scene.state === 'speaking' ? other : this.muted ? 0 : own),
          ),
        onUsage: (response_id, usage) => this.#tell('usage', { response_id, usage }),
        onNote: (note) => {
          this.#scene.note = note;
          this.#draw();
        },
        onTrouble: (code, sentence) =>
          this.#tell('error', { code, message: this.#scene.strings[sentence] ?? '' }),
        levels: () => this.#sound.levels(),
        onSecond: (seconds) => {
          this.#scene.seconds = seconds;
          this.#draw();
        },
        onEnd: (end) => this.#finish(end),
      },
    );
    this.#call = call;
    void call.start();
  }

  #caption(caption: Caption): void {
    this.#view?.caption(caption, this.#scene.strings[caption.role === 'visitor' ? 'you' : 'assistant'] ?? '');
    this.#tell('caption', caption);
  }

  #type(text: string): void {
    this.#caption({ role: 'visitor', id: randomId(), text, final: true });
    this.#talk?.type(text);
  }

  #finish(end: CallEnd): void {
    this.#call = undefined;
    this.#talk?.close();
    this.#talk = undefined;
    if (SpeloVoice.#calling === this) SpeloVoice.#calling = undefined;
    this.#sound.stop();
    this.#view?.level(0);
    this.#scene.end = end;
    this.#scene.problem = end.problem;
    void this.#extend();
    if (end.hint) void this.#advise(end.hint);
    if (end.problem)
      this.#tell('error', { ...end.problem, message: sentenceOf(end.problem.code, this.#scene.strings) });
    this.#tell('ended', { reason: end.reason, session_id: end.sessionId, seconds: end.seconds ?? 0 });
    if (end.problem) {
      this.#wait.begin(end.problem.retryAfter ?? 0);
      this.#enter(end.problem.code === 'busy' ? 'busy' : 'error');
    }
    // A call that was cancelled before it began leaves nothing to tell.
    else this.#enter(end.seconds === undefined ? 'idle' : 'ended');
  }

  async #advise(hint: Hint): Promise<void> {
    warn((await SpeloVoice.loadExtras())?.adviceOf(hint) ?? hint.join(' '));
  }

  #enter(state: WidgetState): void {
    const previous = this.#scene.state;
    this.#scene.state = state;
    this.setAttribute('state', state);
    this.#draw();
    if (state !== previous) this.#tell('state', { state, previous });
  }

  #tell(name: string, detail: unknown): void {
    this.dispatchEvent(new CustomEvent(`spelo-${name}`, { bubbles: true, composed: true, detail }));
  }

  #draw(): void {
    this.#view?.show(pictureOf(this.#scene, this.#stage));
  }
}
