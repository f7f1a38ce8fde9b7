import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import puppeteer, { type Browser } from 'puppeteer-core';

/** Debian's package; its path on other systems by the variable. */
const EXECUTABLE = process.env['FIREFOX'] ?? '/usr/bin/firefox-esr';
const MISSING = `There is no Firefox at ${EXECUTABLE}: install Debian's package firefox-esr, or name one in FIREFOX.`;

/**
 * Tests that need Firefox. Without it they fail where the variable CI is `true`, and are skipped with a sentence elsewhere,
 * as those that need Chromium.
 */
export const describeInFirefox = (name: string, tests: () => void): void => {
  if (existsSync(EXECUTABLE)) {
    describe(name, tests);
    return;
  }
  if (process.env['CI'] === 'true') throw new Error(MISSING);
  process.stderr.write(`${MISSING} Skipped: ${name}\n`);
  describe.skip(name, tests);
};

/** Firefox over WebDriver BiDi, with an empty profile and a microphone that hums and asks for no permission. */
export const launchFirefox = (): Promise<Browser> =>
  puppeteer.launch({
    browser: 'firefox',
    executablePath: EXECUTABLE,
    headless: true,
    extraPrefsFirefox: {
      'media.navigator.streams.fake': true,
      'media.navigator.permission.disabled': true,
      'media.autoplay.default': 0,
      // As for visitors: addresses stay hidden behind mDNS names until a page may use the microphone.
      'media.peerconnection.ice.obfuscate_host_addresses': true,
    },
  });
