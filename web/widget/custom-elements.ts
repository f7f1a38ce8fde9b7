/** A name and its description, as editors show it. */
type Described = Readonly<Record<string, string>>;

const ATTRIBUTES: Described = {
  'site-id': 'The id of the site.',
  api: 'Origin of the broker.',
  label: 'Text of the button.',
  floating: 'Fixed to a corner of the window.',
  position: 'Corner of a floating widget: bottom-right, bottom-left, top-right or top-left.',
  theme: 'light or dark; default: the setting of the visitor’s system.',
  accent: 'Colour of the buttons as #rrggbb.',
  captions: 'off: hidden until the visitor switches them on.',
  'privacy-url': 'The page that the notice links to.',
  'notice-version': 'Increase it when the notice changes.',
  'idle-seconds': 'Seconds of silence on both sides after which the call ends.',
};

const EVENTS: Described = {
  'spelo-state': 'The state has changed.',
  'spelo-connected': 'The call is connected.',
  'spelo-caption': 'A caption has grown or is complete.',
  'spelo-usage': 'OpenAI has counted a response.',
  'spelo-error': 'A call failed, or something in it.',
  'spelo-ended': 'The call has ended.',
  'spelo-tool': 'The assistant asks for a function.',
};

const METHODS: Described = {
  start: 'Starts a call, or shows the privacy notice first.',
  hangUp: 'Ends the call.',
  close: 'Hangs up and shows the button.',
};

const PROPERTIES: Described = {
  state: 'SpeloState',
  muted: 'boolean',
  strings: 'Record<string, string>',
  tools: 'SpeloTools | undefined',
  getEmbedToken: '(() => string | Promise<string>) | undefined',
};

const CSS_PROPERTIES: Described = {
  '--spelo-accent': 'Colour of the buttons.',
  '--spelo-on-accent': 'Colour of text on the buttons.',
  '--spelo-radius': 'Radius of the corners of the panel.',
  '--spelo-font': 'Font family.',
};

/** Part names of the shadow root, apart from one for each button by its name. */
const CSS_PARTS = [
  'launcher',
  'panel',
  'header',
  'orb',
  'title',
  'detail',
  'time',
  'text',
  'note',
  'captions',
  'caption',
  'caption-assistant',
  'caption-visitor',
  'typing',
  'input',
  'controls',
  'button',
  'send',
] as const;

const entries = (described: Described) =>
  Object.entries(described).map(([name, description]) => ({ name, description }));

/** The manifest by which editors and documentation tools know the element: https://github.com/webcomponents/custom-elements-manifest */
export const customElements = (version: string) => ({
  schemaVersion: '1.0.0',
  readme: `@spelo/voice ${version}`,
  modules: [
    {
      kind: 'javascript-module',
      path: 'index.js',
      declarations: [
        {
          kind: 'class',
          name: 'SpeloVoice',
          tagName: 'spelo-voice',
          customElement: true,
          description: 'A button that becomes a voice call.',
          superclass: { name: 'HTMLElement' },
          attributes: entries(ATTRIBUTES),
          events: entries(EVENTS).map((event) => ({ ...event, type: { text: 'CustomEvent' } })),
          members: [
            ...Object.entries(PROPERTIES).map(([name, text]) => ({ kind: 'field', name, type: { text } })),
            ...entries(METHODS).map((method) => ({ kind: 'method', ...method })),
          ],
          cssProperties: entries(CSS_PROPERTIES),
          cssParts: CSS_PARTS.map((name) => ({ name })),
        },
      ],
      exports: [
        { kind: 'custom-element-definition', name: 'spelo-voice', declaration: { name: 'SpeloVoice' } },
      ],
    },
  ],
});
