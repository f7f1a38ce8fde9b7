import type { SpeloVoice, Wishes } from './element.ts';

/** The floating widgets of this page, by site. */
const embedded = new Map<string, SpeloVoice>();

const WISHES = [
  'api',
  'label',
  'position',
  'theme',
  'accent',
  'captions',
  'lang',
  'privacyUrl',
  'noticeVersion',
  'idleSeconds',
];
const wishesOf = new Map<string, Wishes>();

/**
 * Puts one floating widget for the site on the page, and keeps it there when the page's router replaces the body. Uses an
 * element that is there already: another script tag, or a router's copy of the page, may have made it.
 */
export const embed = (siteId: string, wishes: Wishes = {}): void => {
  if (!document.body) {
    addEventListener('DOMContentLoaded', () => embed(siteId, wishes));
    return;
  }
  wishesOf.set(siteId, wishes);
  place(siteId, embedded.get(siteId));
};

/** A router replaces the page, the body or its whole content. If a page removes only the widget, it stays removed. */
const onChange = (changes: readonly MutationRecord[]): void => {
  const own: readonly Node[] = [...embedded.values()];
  const isReplaced = changes.some(({ removedNodes }) =>
    [...removedNodes].some((node) => !own.includes(node)),
  );
  for (const [siteId, element] of embedded) {
    if (isReplaced) place(siteId, element);
    else if (!element.isConnected) embedded.delete(siteId);
  }
};

let observer: MutationObserver | undefined;

const place = (siteId: string, own: SpeloVoice | undefined): void => {
  if (!document.body) return;
  observer ??= new MutationObserver(onChange);
  for (const node of [document, document.documentElement, document.body])
    observer.observe(node, { childList: true });
  if (own?.isConnected) return;
  const other = document.querySelector<SpeloVoice>(`spelo-voice[floating][site-id="${CSS.escape(siteId)}"]`);
  const element = (own?.state === 'idle' ? (other ?? own) : (own ?? other)) ?? create(siteId);
  if (element !== other) {
    other?.remove();
    document.body.append(element);
  }
  embedded.set(siteId, element);
};

const create = (siteId: string): SpeloVoice => {
  const element = document.createElement('spelo-voice') as SpeloVoice;
  element.setAttribute('site-id', siteId);
  element.setAttribute('floating', '');
  const wishes = wishesOf.get(siteId);
  for (const name of WISHES) {
    const value = wishes?.[name];
    if (value !== undefined) element.setAttribute(name.replace(/[A-Z]/, '-$&').toLowerCase(), value);
  }
  return element;
};
