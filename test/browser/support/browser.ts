import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe } from '@jest/globals';
import { type BrowserContext, chromium } from 'playwright-core';

/** Debian's package; its path on other systems by the variable. */
const EXECUTABLE = process.env['CHROMIUM'] ?? '/usr/bin/chromium';
const MISSING = `There is no browser at ${EXECUTABLE}: install Debian's package chromium, or name one in CHROMIUM.`;

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

/**
 * Tests that need a browser. Without one they fail where the variable CI is `true`, and are skipped with a sentence
 * elsewhere, so that a missing browser never looks like a passed test in CI.
 */
export const describeInBrowser = (name: string, tests: () => void): void => {
  if (existsSync(EXECUTABLE)) {
    describe(name, tests);
    return;
  }
  if (process.env['CI'] === 'true') throw new Error(MISSING);
  process.stderr.write(`${MISSING} Skipped: ${name}\n`);
  describe.skip(name, tests);
};

export interface LaunchOptions {
  /** Without the flags that put a fake microphone and its permission in place of real ones. */
  readonly withoutMicrophone?: boolean;
  readonly colorScheme?: 'light' | 'dark';
  readonly viewport?: { readonly width: number; readonly height: number };
}

/** A browser of its own, with an empty profile that goes when it closes. */
export const launchBrowser = async ({
  withoutMicrophone = false,
  ...options
}: LaunchOptions = {}): Promise<BrowserContext> => {
  const profile = mkdtempSync(join(tmpdir(), 'spelo-browser-'));
  const context = await chromium.launchPersistentContext(profile, {
    executablePath: EXECUTABLE,
    headless: true,
    args: withoutMicrophone
      ? ARGUMENTS.filter((argument) => !argument.endsWith('-for-media-stream'))
      : ARGUMENTS,
    ...options,
  });
  context.once('close', () => rmSync(profile, { recursive: true, force: true, maxRetries: 3 }));
  return context;
};
