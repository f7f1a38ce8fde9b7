import type { Caption } from './call.ts';
import { STYLES } from './styles.ts';

const ICONS = {
  microphone: 'M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3ZM6 11.5a6 6 0 0 0 12 0M12 17.5V21M9 21h6',
  microphoneOff:
    'M15 12V6a3 3 0 0 0-5.7-1.3M9 9v3a3 3 0 0 0 4.8 2.4M6 11.5a6 6 0 0 0 9.8 4.6M18 11.5a6 6 0 0 1-.4 2M12 17.5V21M9 21h6M4 4l16 16',
  hangUp: 'M2.8 14.6c5-5 13.4-5 18.4 0l-2.5 2.7-3.6-1.8v-2.4a11 11 0 0 0-6.2 0v2.4l-3.6 1.8Z',
  captions:
    'M5 5h14a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H5a2 2 0 0 1-2-2V7a2 2 0 0 1 2-2ZM7 12h3M13 12h4M7 15.5h5M15 15.5h2',
  attention: 'M12 7v6M12 16.5v.5M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
  done: 'M5 12.5l4.5 4.5L19 7.5',
} as const;
export type IconName = keyof typeof ICONS;

const h = (tag: string, attributes: Readonly<Record<string, string>>, ...children: (Node | string)[]) => {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};

const icon = (name: IconName): SVGElement => {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', ICONS[name]);
  svg.append(path);
  return svg;
};

export interface Button {
  readonly name: string;
  readonly label: string;
  readonly onClick: () => void;
  /** An icon alone; the label is then read out, not shown. */
  readonly icon?: IconName;
  readonly look?: 'main' | 'hang' | 'icon';
  readonly pressed?: boolean;
  readonly disabled?: boolean;
}

/** Everything that is to be seen. */
export interface Picture {
  readonly state: string;
  /** Text of the button that opens the widget; then nothing else shows. */
  readonly launcher?: Button;
  readonly region: string;
  /** Of the sentences; empty when it is that of the page. */
  readonly language: string;
  /** The microphone is on: a screen reader would be heard by the assistant. */
  readonly isHeard: boolean;
  readonly title: string;
  readonly detail: string;
  readonly time: string;
  /** Bars that move with the sound, or an icon. */
  readonly orb: 'bars' | IconName;
  readonly text: string;
  readonly link: { readonly label: string; readonly url: string } | undefined;
  readonly note: string;
  /** undefined hides them; else what stands there before anything was said. */
  readonly captionsHint: string | undefined;
  readonly captionsLabel: string;
  readonly isMuted: boolean;
  readonly buttons: readonly Button[];
}

export interface View {
  show(picture: Picture): void;
  caption(caption: Caption, speaker: string): void;
  clearCaptions(): void;
  /** 0 to 1. */
  level(level: number): void;
}

const KEPT_CAPTIONS = 40;

/** Draws the widget into a shadow root, without inline styles, markup in strings, or anything else a strict policy stops. */
export const createView = (root: ShadowRoot): View => {
  try {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLES);
    root.adoptedStyleSheets = [sheet];
  } catch {
    // Safari before 16.4 has no constructed sheets.
    root.append(h('style', {}, STYLES));
  }

  const launcher = h('button', { type: 'button', part: 'launcher button', class: 'launcher main' });
  const orb = h('div', { class: 'orb', part: 'orb', 'aria-hidden': 'true' });
  const title = h('div', { class: 'title', part: 'title' });
  const detail = h('div', { class: 'detail', part: 'detail' });
  const status = h('div', { class: 'words', role: 'status' }, title, detail);
  const time = h('div', { class: 'time', part: 'time', role: 'timer' });
  const text = h('p', { class: 'text', part: 'text' });
  const note = h('p', { class: 'note', part: 'note', role: 'status' });
  const captions = h('div', {
    class: 'lines',
    part: 'captions',
    role: 'log',
    'aria-live': 'off',
    tabindex: '0',
  });
  const hint = h('p', { class: 'hint' });
  const controls = h('div', { class: 'controls', part: 'controls' });
  const panel = h(
    'section',
    { class: 'panel', part: 'panel' },
    h('div', { class: 'head', part: 'header' }, orb, status, time),
    text,
    note,
    captions,
    controls,
  );
  root.append(launcher, panel);

  const lines = new Map<string, HTMLElement>();
  const buttons = new Map<string, HTMLButtonElement>();
  let shownOrb = '';

  const drawButton = (button: Button, element: HTMLElement): void => {
    element.onclick = button.onClick;
    (element as HTMLButtonElement).disabled = button.disabled ?? false;
    if (button.pressed !== undefined) element.setAttribute('aria-pressed', String(button.pressed));
    if (element.dataset['drawn'] === button.label + button.icon) return;
    element.dataset['drawn'] = button.label + button.icon;
    const isIcon = button.look === 'icon';
    if (isIcon) {
      element.setAttribute('aria-label', button.label);
      element.title = button.label;
    }
    element.replaceChildren(...(button.icon ? [icon(button.icon)] : []), ...(isIcon ? [] : [button.label]));
  };

  /** The last button is the one that goes on. */
  const focusMain = (): void => [...buttons.values()].at(-1)?.focus();

  const drawControls = (wanted: readonly Button[]): void => {
    const hadFocus = root.activeElement !== null;
    const names = wanted.map(({ name }) => name);
    for (const [name, element] of buttons) {
      if (names.includes(name)) continue;
      element.remove();
      buttons.delete(name);
    }
    for (const button of wanted) {
      const element =
        buttons.get(button.name) ??
        (h('button', {
          type: 'button',
          class: `${button.look ?? ''} ${button.name}`,
          part: `button ${button.name}`,
        }) as HTMLButtonElement);
      drawButton(button, element);
      if (buttons.has(button.name)) continue;
      buttons.set(button.name, element);
      controls.append(element);
    }
    // A keyboard user stays inside the widget when the button under the finger goes.
    if (hadFocus && root.activeElement === null) focusMain();
  };

  const say = (element: HTMLElement, words: string): void => {
    if (element.textContent !== words) element.textContent = words;
    element.hidden = words === '';
  };

  const drawOrb = (wanted: Picture['orb']): void => {
    if (shownOrb === wanted) return;
    shownOrb = wanted;
    orb.replaceChildren(
      ...(wanted === 'bars' ? [h('i', {}), h('i', {}), h('i', {}), h('i', {})] : [icon(wanted)]),
    );
  };

  return {
    show: (picture) => {
      const isOpen = picture.launcher === undefined;
      if (picture.launcher) drawButton(picture.launcher, launcher);
      const hadFocus = root.activeElement !== null;
      launcher.hidden = isOpen;
      panel.hidden = !isOpen;
      if (!isOpen && hadFocus) launcher.focus();
      panel.className = `panel ${picture.state}${picture.isMuted ? ' muted' : ''}`;
      panel.setAttribute('aria-label', picture.region);
      for (const element of [panel, launcher])
        if (picture.language) element.lang = picture.language;
        else element.removeAttribute('lang');
      for (const element of [status, note]) element.ariaLive = picture.isHeard ? 'off' : 'polite';
      say(title, picture.title);
      say(detail, picture.detail);
      say(time, picture.time);
      say(text, picture.text);
      if (picture.link && !text.querySelector('a'))
        text.append(
          ' ',
          h('a', { href: picture.link.url, target: '_blank', rel: 'noopener' }, picture.link.label),
        );
      say(note, picture.note);
      captions.hidden = picture.captionsHint === undefined;
      captions.setAttribute('aria-label', picture.captionsLabel);
      hint.textContent = picture.captionsHint ?? '';
      if (lines.size === 0) captions.replaceChildren(hint);
      drawOrb(picture.orb);
      drawControls(picture.buttons);
      if (isOpen && hadFocus && (root.activeElement === null || root.activeElement === launcher)) focusMain();
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
    level: (level) => orb.style.setProperty('--level', level.toFixed(2)),
  };
};
