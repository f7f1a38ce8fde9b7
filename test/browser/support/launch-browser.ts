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

export interface LaunchOptions {
  /** Without the flags that put a fake microphone and its permission in place of real ones. */
  readonly withoutMicrophone?: boolean;
  /** The sound that the fake microphone hears. @default a short question every few seconds */
  readonly speech?: Speech;
  readonly colorScheme?: 'light' | 'dark';
  readonly deviceScaleFactor?: number;
  readonly viewport?: { readonly width: number; readonly height: number };
  /** Of the IANA database. @default the zone of the machine */
  readonly timezoneId?: string;
}

/** A separate browser with an empty profile, deleted when it closes. */
export const launchBrowser = async ({
  withoutMicrophone = false,
  speech = SHORT_QUESTION,
  ...options
}: LaunchOptions = {}): Promise<BrowserContext> => {
  const folder = mkdtempSync(join(tmpdir(), 'spelo-browser-'));
  const profile = join(folder, 'profile');
  mkdirSync(profile);
  const sound = join(folder, 'speech.wav');
  writeSpeech(sound, speech);
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: withoutMicrophone
      ? ARGUMENTS.filter((argument) => !argument.endsWith('-for-media-stream'))
      : [...ARGUMENTS, `--use-file-for-fake-audio-capture=${sound}`],
    ...options,
  });
  context.once('close', () => rmSync(folder, { recursive: true, force: true, maxRetries: 3 }));
  return context;
};
