import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Browser, type BrowserContext, type BrowserContextOptions, chromium } from 'playwright-core';
import { SHORT_QUESTION, type Speech, writeSpeech } from './microphone.ts';

/** Chromium without windows and their interface, which take most of the time that Chromium needs to start. */
const HEADLESS_SHELL = '/usr/bin/chromium-headless-shell';

/** Debian's packages, the lighter one first; another path by the variable. */
export const EXECUTABLE =
  process.env['CHROMIUM'] ?? (existsSync(HEADLESS_SHELL) ? HEADLESS_SHELL : '/usr/bin/chromium');

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

export interface LaunchOptions
  extends Pick<BrowserContextOptions, 'colorScheme' | 'deviceScaleFactor' | 'viewport'> {
  /** The sound that the fake microphone hears. @default a short question every few seconds */
  readonly speech?: Speech;
  /** Of the IANA database. @default the zone of the machine */
  readonly timezoneId?: string;
}

/** By the sound that the microphone hears, which is the same for a whole browser. */
const browsers = new Map<Speech, Promise<Browser>>();

const start = async (speech: Speech): Promise<Browser> => {
  const folder = mkdtempSync(join(tmpdir(), 'spelo-browser-'));
  const sound = join(folder, 'speech.wav');
  writeSpeech(sound, speech);
  const browser = await chromium.launch({
    executablePath: EXECUTABLE,
    headless: true,
    args: [...ARGUMENTS, `--use-file-for-fake-audio-capture=${sound}`],
  });
  browser.once('disconnected', () => {
    browsers.delete(speech);
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  });
  return browser;
};

/**
 * A separate person: an empty profile, which shares nothing with other profiles. Those whose microphones hear the same are in
 * one browser, because starting another one costs more CPU than most tests. `closeBrowser` closes it.
 */
export const launchBrowser = async ({
  speech = SHORT_QUESTION,
  ...options
}: LaunchOptions = {}): Promise<BrowserContext> => {
  const browser = browsers.get(speech) ?? start(speech);
  browsers.set(speech, browser);
  // What fades or pulses is drawn sixty times a second, which took a sixth of Chromium's CPU.
  return (await browser).newContext({ reducedMotion: 'reduce', ...options });
};

/** Deletes the profile, and ends the browser with its last one. */
export const closeBrowser = async (context: BrowserContext): Promise<void> => {
  const browser = context.browser();
  await context.close();
  if (browser?.contexts().length === 0) await browser.close();
};
