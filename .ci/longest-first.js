import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import Sequencer from '@jest/test-sequencer';

const SECONDS = JSON.parse(readFileSync(new URL('durations.json', import.meta.url), 'utf8'));
/** Of a file that is not in the list, because it is short or new. */
const UNKNOWN_SECONDS = 7;

/** Starts the longest files first, so that none of them is alone at the end. `.ci/times.mjs --write` writes the list. */
export default class extends Sequencer {
  sort(tests) {
    const secondsOf = ({ path, context }) =>
      SECONDS[relative(context.config.rootDir, path)] ?? UNKNOWN_SECONDS;
    return super.sort(tests).toSorted((a, b) => secondsOf(b) - secondsOf(a));
  }
}
