import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';
import { SHORT_QUESTION, type Speech, writeSpeech } from './microphone.ts';

/** Debian's package; its path on other systems by the variable. */
export const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

/** A microphone that hums and asks for no permission, sound that needs no click, and no call to any other host. */
const ARGUMENTS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--use-fake-ui-for-media-stream',
  '--use-fake-device-for-media-stream',
  '--autoplay-policy=no-user-gesture-required',
  '--disable-features=WebRtcHideLocalIpsWithMdns',
];

/** The variable with the endpoints of the browsers that test files share, by the speech that their microphones hear. */
export const SHARED_BROWSERS = 'SHARED_BROWSERS';

export interface LaunchOptions {
  /** The sound that the fake microphone hears. @default a short question every few seconds */
  readonly speech?: Speech;
  readonly colorScheme?: 'light' | 'dark';
  readonly deviceScaleFactor?: number;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Of the IANA database. @default the zone of the machine */
  readonly timezoneId?: string;
}

/** A folder with the sound for a microphone, and the options of a browser that hears it. */
const microphoneOf = (speech: Speech) => {
  const folder = mkdtempSync(join(tmpdir(), 'spelo-browser-'));
  const sound = join(folder, 'speech.wav');
  writeSpeech(sound, speech);
  return {
    folder,
    options: {
      executablePath: EXECUTABLE,
      headless: true,
      args: [...ARGUMENTS, `--use-file-for-fake-audio-capture=${sound}`],
    },
    remove: () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
};

/** A browser for `launchBrowser` of any process that inherits its endpoint. It ends with the process that started it. */
export const startSharedBrowser = async (speech: Speech) => {
  const { options, remove } = microphoneOf(speech);
  const server = await chromium.launchServer(options);
  return {
    endpoint: server.wsEndpoint(),
    close: async (): Promise<void> => {
      await server.close();
      remove();
    },
  };
};

/**
 * An empty profile, deleted when it closes: another person. In the browser that the test files share, which keeps profiles
 * apart as it keeps private windows; without one in a browser that ends with it.
 */
export const launchBrowser = async ({
  speech = SHORT_QUESTION,
  ...options
}: LaunchOptions = {}): Promise<BrowserContext> => {
  const shared: Readonly<Record<string, string>> = JSON.parse(process.env[SHARED_BROWSERS] ?? '{}');
  const endpoint = shared[JSON.stringify(speech)];
  if (endpoint !== undefined) {
    const browser = await chromium.connect(endpoint);
    const context = await browser.newContext(options);
    const closeContext = context.close.bind(context);
    return Object.assign(context, {
      close: async (): Promise<void> => {
        await closeContext();
        await browser.close();
      },
    });
  }
  const { folder, options: ofBrowser, remove } = microphoneOf(speech);
  const profile = join(folder, 'profile');
  mkdirSync(profile);
  const context = await chromium.launchPersistentContext(profile, { ...ofBrowser, ...options });
  context.once('close', remove);
  return context;
};
