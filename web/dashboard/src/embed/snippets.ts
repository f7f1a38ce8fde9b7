/** The choices of the owner; an empty text is the default. */
export interface EmbedOptions {
  readonly label: string;
  readonly position: '' | 'bottom-left' | 'top-right' | 'top-left';
  readonly theme: '' | 'light' | 'dark';
  /** `#rrggbb`. */
  readonly accent: string;
  readonly lang: '' | 'en' | 'de' | 'fr' | 'es';
  readonly captions: '' | 'off';
  readonly privacyUrl: string;
}

export const DEFAULT_OPTIONS: EmbedOptions = {
  label: '',
  position: '',
  theme: '',
  accent: '',
  lang: '',
  captions: '',
  privacyUrl: '',
};

/** Where the widget's files and the broker are. */
export interface EmbedPlace {
  readonly siteId: string;
  readonly apiUrl: string;
  /** Ends in a slash. */
  readonly filesUrl: string;
  readonly file: string;
  readonly integrity: string;
}

export type EmbedKind = 'html' | 'element' | 'react' | 'tagManager';

const originOf = (url: string): string => new URL(url).origin;

/** The chosen options as attributes of the element, in the order in which people read them. */
export const attributesOf = (options: EmbedOptions): readonly (readonly [name: string, value: string])[] =>
  (
    [
      ['label', options.label.trim()],
      ['position', options.position],
      ['theme', options.theme],
      ['accent', options.accent],
      ['lang', options.lang],
      ['captions', options.captions],
      ['privacy-url', options.privacyUrl.trim()],
    ] as const
  ).filter(([, value]) => value !== '');

const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '"': '&quot;', '<': '&lt;', '>': '&gt;' };
const attribute = (name: string, value: string): string =>
  `${name}="${value.replace(/[&"<>]/g, (character) => ENTITIES[character] ?? '')}"`;

/** A text of JavaScript that cannot end the script element around it. */
const literal = (value: string): string => JSON.stringify(value).replaceAll('<', '\\u003c');

const html = (place: EmbedPlace, options: EmbedOptions): string => {
  const isBeside = originOf(place.filesUrl) === originOf(place.apiUrl);
  const lines = [
    `<script src="${place.filesUrl}${place.file}"`,
    `  integrity="${place.integrity}" crossorigin="anonymous"`,
    ...(isBeside ? [] : [`  ${attribute('data-api', place.apiUrl)}`]),
    `  ${attribute('data-site-id', place.siteId)}`,
    ...attributesOf(options).map(([name, value]) => `  ${attribute(`data-${name}`, value)}`),
  ];
  return `${lines.join('\n')} async></script>`;
};

/** An element that the page places itself. */
const element = (place: EmbedPlace, options: EmbedOptions): string => {
  const attributes = [
    ['site-id', place.siteId] as const,
    ...(originOf(place.filesUrl) === originOf(place.apiUrl) ? [] : [['api', place.apiUrl] as const]),
    ...attributesOf({ ...options, position: '' }),
  ];
  return [
    `<script src="${place.filesUrl}${place.file}"`,
    `  integrity="${place.integrity}" crossorigin="anonymous" async></script>`,
    `<spelo-voice ${attributes.map(([name, value]) => attribute(name, value)).join(' ')}></spelo-voice>`,
  ].join('\n');
};

const PROP_OF: Readonly<Record<string, string>> = { 'privacy-url': 'privacyUrl' };

const react = (place: EmbedPlace, options: EmbedOptions): string =>
  [
    `import { SpeloVoice } from '@spelo/voice/react';`,
    '',
    'export const Voice = () => (',
    '  <SpeloVoice',
    `    siteId=${literal(place.siteId)}`,
    `    api=${literal(place.apiUrl)}`,
    ...attributesOf(options).map(([name, value]) => `    ${PROP_OF[name] ?? name}={${literal(value)}}`),
    '    floating',
    '  />',
    ');',
  ].join('\n');

const tagManager = (place: EmbedPlace, options: EmbedOptions): string => {
  const set = (name: string, value: string): string =>
    `  script.setAttribute('data-${name}', ${literal(value)});`;
  return [
    '<script>',
    `  var script = document.createElement('script');`,
    `  script.src = ${literal(`${place.filesUrl}${place.file}`)};`,
    `  script.integrity = ${literal(place.integrity)};`,
    `  script.crossOrigin = 'anonymous';`,
    set('api', place.apiUrl),
    set('site-id', place.siteId),
    ...attributesOf(options).map(([name, value]) => set(name, value)),
    '  document.head.appendChild(script);',
    '</script>',
  ].join('\n');
};

const SNIPPETS = { html, element, react, tagManager } as const;

/** The code that a page needs. Every option stays text: it can neither end an attribute nor a script. */
export const snippetOf = (kind: EmbedKind, place: EmbedPlace, options: EmbedOptions): string =>
  SNIPPETS[kind](place, options);

/** The sources that a page's Content-Security-Policy needs besides its own. */
export const policyOf = (kind: EmbedKind, place: EmbedPlace): string => {
  const files = originOf(place.filesUrl);
  const connect = [...new Set([originOf(place.apiUrl), files])].join(' ');
  // A bundle has the script and its parts: only the calls go to the broker.
  return kind === 'react'
    ? `connect-src ${originOf(place.apiUrl)}`
    : `script-src ${place.filesUrl}\nconnect-src ${connect}`;
};

/** The permission that a page in a frame needs from the page around it. */
export const FRAME_PERMISSION = '<iframe src="https://…" allow="microphone; autoplay"></iframe>';
