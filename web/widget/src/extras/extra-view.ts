import type { Caption } from '../caption.ts';
import { h } from '../dom.ts';

/** The parts of the picture that the extras draw. */
export interface ExtraPicture {
  /** The text before anything was said; undefined hides the captions. */
  readonly captionsHint?: string | undefined;
  readonly captionsLabel: string;
  /** Undefined hides the field. */
  readonly typing?: Typing | undefined;
}

export interface Typing {
  readonly label: string;
  readonly send: string;
  /** The visitor has changed the text. */
  readonly onInput: () => void;
  /** Takes the text that the visitor sends. */
  readonly onText: (text: string) => void;
}

export interface ExtraView {
  readonly icons: typeof ICONS;
  readonly styles: string;
  readonly elements: readonly HTMLElement[];
  show(picture: ExtraPicture): void;
  caption(caption: Caption, speaker: string): void;
  clearCaptions(): void;
}

const ICONS = {
  captions:
    'M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2ZM7 12h3M13 12h4M7 15.5h5M15 15.5h2',
  minimise: 'M6 9.5l6 6 6-6',
  hangUp: 'M2.8 14.6c5-5 13.4-5 18.4 0l-2.5 2.7-3.6-1.8v-2.4a11 11 0 0 0-6.2 0v2.4l-3.6 1.8Z',
  done: 'M5 12.5l4.5 4.5L19 7.5',
} as const;

const KEPT_CAPTIONS = 40;
/** Longest text that a visitor can type at once, characters. */
const LONGEST_TEXT = 1_000;

/** Includes the look of a call. Without these styles, every control still works and has the same text. */
const STYLES = `
.orb i { inline-size: 4px; border-radius: 2px; background: currentColor; block-size: calc(8px + var(--level) * 14px);
  transition: block-size .09s linear; }
.orb i:nth-of-type(2) { block-size: calc(14px + var(--level) * 14px); }
.orb i:nth-of-type(3) { block-size: calc(10px + var(--level) * 18px); }
.orb i:nth-of-type(4) { block-size: calc(6px + var(--level) * 10px); }
.listening:not(.muted) .orb { background: var(--own); color: var(--wave); }
.connecting .orb, .reconnecting .orb, .thinking .orb { animation: breathe 1.4s ease-in-out infinite; }
@keyframes breathe { 50% { box-shadow: 0 0 0 11px color-mix(in srgb, var(--accent) 18%, transparent); } }
.note { font-size: 14px; padding: 8px 12px; border-radius: 12px; background: var(--own); }
.icon[aria-pressed=true] { background: var(--own); }
.mute[aria-pressed=true] { background: var(--danger); color: #fff; }
.hang svg { inline-size: 24px; block-size: 24px; fill: currentColor; stroke: none; }
.mini .text, .mini .detail, .mini .captions { display: none; }
.minimise[aria-pressed=true] svg { transform: scaleY(-1); }
.lines { max-block-size: 168px; overflow-y: auto; overscroll-behavior: contain; padding: 12px; border-radius: 16px;
  background: var(--soft); display: grid; gap: 8px; font-size: 14.5px; scrollbar-width: thin; }
.lines p { justify-self: start; max-inline-size: 92%; overflow-wrap: anywhere; }
.lines .visitor { justify-self: end; background: var(--own); border-radius: 12px; padding: 4px 10px; }
.hint { color: var(--muted); }
.sr { position: absolute; inline-size: 1px; block-size: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
.typing { display: flex; gap: 8px; }
.typing input { all: unset; flex: 1; min-inline-size: 0; min-block-size: 44px; padding: 0 14px; border-radius: 999px;
  border: 1px solid var(--muted); box-sizing: border-box; }
.typing input:focus-visible { outline: 3px solid var(--accent); outline-offset: 2px; }
.typing input::placeholder { color: var(--muted); opacity: 1; }
.mini .lines, .mini .typing { display: none; }
`;

/** Draws captions and the field for typed text. */
export const createExtraView = (): ExtraView => {
  const captions = h('div', {
    class: 'lines',
    part: 'captions',
    role: 'log',
    'aria-live': 'off',
    tabindex: '0',
  });
  const hint = h('p', { class: 'hint' });
  const input = h('input', {
    type: 'text',
    part: 'input',
    maxlength: String(LONGEST_TEXT),
    autocomplete: 'off',
    enterkeyhint: 'send',
    dir: 'auto',
  }) as HTMLInputElement;
  const send = h('button', { type: 'submit', class: 'main', part: 'button send' });
  const form = h('form', { class: 'typing', part: 'typing' }, input, send) as HTMLFormElement;
  form.hidden = true;
  // Outside of the shadow root the field does not look like one: the page's shortcuts would take the keys.
  for (const type of ['keydown', 'keypress', 'keyup'])
    form.addEventListener(type, (event) => event.stopPropagation());
  const lines = new Map<string, HTMLElement>();

  return {
    icons: ICONS,
    styles: STYLES,
    elements: [captions, form],
    show: ({ captionsHint, captionsLabel, typing }) => {
      captions.hidden = captionsHint === undefined;
      captions.setAttribute('aria-label', captionsLabel);
      // Without a microphone a screen reader cannot be heard by the assistant.
      captions.ariaLive = typing === undefined ? 'off' : 'polite';
      hint.textContent = captionsHint ?? '';
      if (lines.size === 0) captions.replaceChildren(hint);
      const wasHidden = form.hidden;
      form.hidden = typing === undefined;
      if (typing === undefined) return;
      input.placeholder = typing.label;
      input.setAttribute('aria-label', typing.label);
      if (send.textContent !== typing.send) send.textContent = typing.send;
      input.oninput = typing.onInput;
      form.onsubmit = (event) => {
        event.preventDefault();
        const text = input.value.trim();
        input.value = '';
        if (text !== '') typing.onText(text);
      };
      if (wasHidden) input.focus();
    },
    caption: ({ id, role, text: words }, speaker) => {
      hint.remove();
      let line = lines.get(id);
      if (line === undefined) {
        line = h(
          'p',
          { class: role, part: `caption caption-${role}`, dir: 'auto', lang: '' },
          // The attribute keeps these words from deciding the direction of the line.
          h('span', { class: 'sr', dir: 'auto' }, `${speaker}: `),
          '',
        );
        lines.set(id, line);
        captions.append(line);
        const [oldest] = lines;
        if (lines.size > KEPT_CAPTIONS && oldest) {
          oldest[1].remove();
          lines.delete(oldest[0]);
        }
      }
      if (line.lastChild) line.lastChild.textContent = words;
      captions.scrollTop = captions.scrollHeight;
    },
    clearCaptions: () => {
      lines.clear();
      captions.replaceChildren(hint);
    },
  };
};
