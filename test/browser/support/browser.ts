import { existsSync } from 'node:fs';
import { describe } from '@jest/globals';
import { EXECUTABLE } from './launch-browser.ts';

export { closeBrowser, type LaunchOptions, launchBrowser } from './launch-browser.ts';

const MISSING = `There is no browser at ${EXECUTABLE}: install Debian's package chromium-headless-shell or chromium, or name one in CHROMIUM.`;

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
