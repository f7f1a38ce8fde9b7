import type { RandomBytes } from './identifiers.ts';

const FIRST_MS = 10;
const LONGEST_MS = 160;

/**
 * How long to wait before a write is repeated after a conflict, whole milliseconds: random from 0 to a bound that
 * doubles with each attempt, the first being 1, and stops at 160. "Full jitter" of
 * https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/: writers that met do not meet again.
 */
export const backoffMs = (attempt: number, random: RandomBytes): number => {
  const bound = Math.min(LONGEST_MS, FIRST_MS * 2 ** (attempt - 1));
  return random(4).readUInt32BE() % (bound + 1);
};
