import type { Caption } from './caption.ts';
import { h } from './dom.ts';
import type { ExtraPicture, ExtraView } from './extras/extra-view.ts';
import { STYLES } from './styles.ts';

const ICONS = {
  microphone: 'M12 15a3 3 0 0 0 3-3V6a3 3 0 0 0-6 0v6a3 3 0 0 0 3 3ZM6 11.5a6 6 0 0 0 12 0M12 17.5V21M9 21h6',
  microphoneOff:
    'M15 12V6a3 3 0 0 0-5.7-1.3M9 9v3a3 3 0 0 0 4.8 2.4M6 11.5a6 6 0 0 0 9.8 4.6M18 11.5a6 6 0 0 1-.4 2M12 17.5V21M9 21h6M4 4l16 16',
  attention: 'M12 7v6M12 16.5v.5M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18Z',
};
export type IconName = keyof typeof ICONS | keyof ExtraView['icons'];

const icon = (name: IconName): SVGElement => {
  const namespace = 'http://www.w3.org/2000/svg';
  const svg = document.createElementNS(namespace, 'svg');
  svg.setAttribute('viewBox', '0 0 24 24');
  svg.setAttribute('aria-hidden', 'true');
  const path = document.createElementNS(namespace, 'path');
  path.setAttribute('d', (ICONS as Partial<Record<IconName, string>>)[name] ?? '');
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

/** Everything that the widget shows. */
export interface Picture extends ExtraPicture {
  readonly state: string;
  /** Text of the button that opens the widget; then nothing else shows. */
  readonly launcher?: Button;
  readonly region: string;
  /** Language of the sentences; empty if it is that of the page. */
  readonly language: string;
  /** The microphone is on: a screen reader would be heard by the assistant. */
  readonly isHeard: boolean;
  readonly title: string;
  readonly detail: string;
  readonly time: string;
  /** Bars that move with the sound, or an icon. */
  readonly orb: 'bars' | IconName;
  readonly text: string;
  readonly link?: { readonly label: string; readonly url: string } | undefined;
  readonly note: string;
  readonly isMuted: boolean;
  /** Only the most needed part of the panel shows. */
  readonly isMini?: boolean | undefined;
  /** A colour of the owner for buttons; undefined for the default. */
  readonly accent: string | undefined;
  readonly buttons: readonly Button[];
}

export interface View {
  show(picture: Picture): void;
  caption(caption: Caption, speaker: string): void;
  clearCaptions(): void;
  /** Puts the extras between the note and the buttons. */
  extend(extra: ExtraView): void;
  /** 0 to 1. */
  level(level: number): void;
}

/** Gives an element the owner's colour, `#rrggbb`, and on it the text colour that has more contrast. Ignores anything else. */
const paint = ({ style }: HTMLElement, accent = ''): void => {
  const [, ...parts] = /^#([\da-f]{2})([\da-f]{2})([\da-f]{2})$/i.exec(accent) ?? [];
  // Relative luminance: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
  const [r = 0, g = 0, b = 0] = parts.map((part) => (Number.parseInt(part, 16) / 255) ** 2.2);
  const isLight = 0.2126 * r + 0.7152 * g + 0.0722 * b > 0.18;
  style.setProperty('--accent', parts.length === 0 ? '' : accent);
  style.setProperty('--on-accent', parts.length === 0 ? '' : isLight ? '#17181d' : '#fff');
};

/** Draws the widget into a shadow root, without inline styles, markup in strings, or anything else a strict policy stops. */
export const createView = (root: ShadowRoot): View => {
  const addStyles = (css: string): void => {
    try {
      const sheet = new CSSStyleSheet();
      sheet.replaceSync(css);
      root.adoptedStyleSheets = [...root.adoptedStyleSheets, sheet];
    } catch {
      // Safari before 16.4 has no constructed sheets.
      root.append(h('style', {}, css));
    }
  };
  addStyles(STYLES);

  const launcher = h('button', { type: 'button', part: 'launcher button', class: 'launcher main' });
  const orb = h('div', { class: 'orb', part: 'orb', 'aria-hidden': 'true' });
  const title = h('div', { class: 'title', part: 'title' });
  const detail = h('div', { class: 'detail', part: 'detail' });
  const status = h('div', { class: 'words', role: 'status' }, title, detail);
  const time = h('div', { class: 'time', part: 'time', role: 'timer' });
  const text = h('p', { class: 'text', part: 'text' });
  const note = h('p', { class: 'note', part: 'note', role: 'status' });
  const controls = h('div', { class: 'controls', part: 'controls' });
  const panel = h(
    'section',
    { class: 'panel', part: 'panel' },
    h('div', { class: 'head', part: 'header' }, orb, status, time),
    text,
    note,
    controls,
  );
  root.append(launcher, panel);

  let extra: ExtraView | undefined;
  let last: Picture | undefined;
  const buttons = new Map<string, HTMLButtonElement>();
  let shownOrb = '';

  const drawButton = (button: Button, element: HTMLElement): void => {
    const isIcon = button.look === 'icon';
    element.onclick = ({ detail }) => {
      // The first click of a double click may have put this button under the pointer. An icon is a toggle: each click counts.
      if (isIcon || detail < 2) button.onClick();
    };
    (element as HTMLButtonElement).disabled = button.disabled ?? false;
    if (button.pressed !== undefined) element.setAttribute('aria-pressed', String(button.pressed));
    if (element.dataset['drawn'] === button.label + button.icon) return;
    element.dataset['drawn'] = button.label + button.icon;
    if (isIcon) {
      element.ariaLabel = element.title = button.label;
    }
    element.replaceChildren(...(button.icon ? [icon(button.icon)] : []), ...(isIcon ? [] : [button.label]));
  };

  /** Focuses the last button, which continues. A disabled one takes no focus: the one before it then keeps it. */
  const focusMain = (): void => {
    for (const element of buttons.values()) element.focus();
  };

  const drawControls = (wanted: readonly Button[]): void => {
    const hadFocus = root.activeElement !== null;
    for (const [name, element] of buttons) {
      if (wanted.map((each) => each.name).includes(name)) continue;
      element.remove();
      buttons.delete(name);
    }
    for (const [index, button] of wanted.entries()) {
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
      controls.insertBefore(element, controls.children[index] ?? null);
    }
    // A keyboard user stays inside the widget when the button under the finger goes.
    if (hadFocus && root.activeElement === null) focusMain();
  };

  const said = new Map<HTMLElement, string>();
  /** Does not change text that the browser has translated. */
  const say = (element: HTMLElement, words: string): void => {
    if (said.get(element) !== words) element.textContent = words;
    said.set(element, words);
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
      last = picture;
      const isOpen = picture.launcher === undefined;
      if (picture.launcher) drawButton(picture.launcher, launcher);
      const hadFocus = root.activeElement !== null;
      launcher.hidden = isOpen;
      panel.hidden = !isOpen;
      if (!isOpen && hadFocus) launcher.focus();
      panel.className = `panel ${picture.state}${picture.isMuted ? ' muted' : ''}${picture.isMini ? ' mini' : ''}`;
      panel.setAttribute('aria-label', picture.region);
      for (const element of [panel, launcher]) {
        if (picture.language) element.lang = picture.language;
        else element.removeAttribute('lang');
        paint(element, picture.accent);
      }
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
      extra?.show(picture);
      drawOrb(picture.orb);
      drawControls(picture.buttons);
      if (isOpen && hadFocus && (root.activeElement === null || root.activeElement === launcher)) focusMain();
    },
    caption: (caption, speaker) => extra?.caption(caption, speaker),
    clearCaptions: () => extra?.clearCaptions(),
    extend: (made) => {
      extra = made;
      Object.assign(ICONS, made.icons);
      // Drawn before its icon was loaded.
      for (const element of buttons.values()) delete element.dataset['drawn'];
      addStyles(made.styles);
      controls.before(...made.elements);
      if (last) made.show(last);
    },
    level: (level) => orb.style.setProperty('--level', level.toFixed(2)),
  };
};
