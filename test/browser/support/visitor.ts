import type { BrowserContext, Locator, Page, Request } from 'playwright-core';

/** The events that a page's listeners received, in order. */
export interface Told {
  readonly type: string;
  // biome-ignore lint/suspicious/noExplicitAny: each event has different details.
  readonly detail: any;
}

export interface Visitor {
  readonly page: Page;
  readonly widget: Locator;
  /** Everything the page's console and its uncaught errors said. */
  readonly console: readonly string[];
  readonly requests: readonly Request[];
  button(name: string | RegExp): Locator;
  /** Waits until the widget is in a state. */
  reaches(state: string): Promise<void>;
  /** Waits until the widget has been in a state, however briefly. */
  passes(state: string): Promise<void>;
  /** Opens the widget and, where it is shown, agrees to the notice. */
  startCall(): Promise<void>;
  told(type?: string): Promise<readonly Told[]>;
  /** The text that a visitor can read in the widget. */
  text(): Promise<string>;
  /** The microphones that the page was given: are they live, are they on. */
  microphones(): Promise<readonly { readonly isLive: boolean; readonly isOn: boolean }[]>;
}

const EVENTS = ['state', 'connected', 'caption', 'usage', 'error', 'ended'].map((name) => `spelo-${name}`);
const WAIT_MS = 45_000;

/** A person with a browser on a page that embeds the widget. */
export const visit = async (context: BrowserContext, url: string): Promise<Visitor> => {
  const page = await context.newPage();
  page.setDefaultTimeout(WAIT_MS);
  const said: string[] = [];
  const requests: Request[] = [];
  page.on('console', (message) => said.push(`${message.type()}: ${message.text()}`));
  page.on('pageerror', (error) => said.push(`uncaught: ${error.message}`));
  page.on('request', (request) => requests.push(request));
  await page.addInitScript(`
    window.told = [];
    for (const type of ${JSON.stringify(EVENTS)})
      addEventListener(type, ({ detail }) => window.told.push({ type, detail }));
    // True once the widget has been in the state; false if that does not happen in time.
    window.hasBeen = (state, ms) => new Promise((resolve) => {
      const look = () => {
        if (told.some(({ type, detail }) => type === 'spelo-state' && detail.state === state)) resolve(true);
      };
      setTimeout(resolve, ms, false);
      addEventListener('spelo-state', look);
      look();
    });
    window.microphones = [];
    const open = navigator.mediaDevices.getUserMedia.bind(navigator.mediaDevices);
    navigator.mediaDevices.getUserMedia = async (wanted) => {
      const stream = await open(wanted);
      window.microphones.push(...stream.getAudioTracks());
      return stream;
    };`);
  await page.goto(url);
  const widget = page.locator('spelo-voice');
  const button = (name: string | RegExp) => widget.getByRole('button', { name });
  const told = async (type?: string): Promise<readonly Told[]> => {
    const all = await page.evaluate<readonly Told[]>('window.told');
    return type === undefined ? all : all.filter((each) => each.type === `spelo-${type}`);
  };
  return {
    page,
    widget,
    console: said,
    requests,
    button,
    reaches: (state) => page.locator(`spelo-voice[state="${state}"]`).waitFor(),
    passes: async (state) => {
      if (await page.evaluate(`hasBeen('${state}', ${WAIT_MS})`)) return;
      throw new Error(`The widget was never ${state}. It is ${await widget.getAttribute('state')}.`);
    },
    startCall: async () => {
      await button('Talk to us').click();
      if ((await widget.getAttribute('state')) === 'notice') await button('Agree and start').click();
    },
    told,
    microphones: () =>
      page.evaluate(
        `microphones.map(({ readyState, enabled }) => ({ isLive: readyState === 'live', isOn: enabled }))`,
      ),
    text: () => widget.evaluate((element) => Reflect.get(Reflect.get(element, 'shadowRoot'), 'textContent')),
  };
};
