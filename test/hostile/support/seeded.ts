import { isLong } from '../../support/long-forms.ts';

/**
 * One case in this many belongs to the short form. Each place is tried with 22, 23 or 38 values, which cannot be divided by it, so that
 * the short form tries neighbouring places with different values.
 */
const SHORT_FORM_SHARE = 9;

/** The same cases in every run of the tests; `npm run fuzz` is for new ones. */
export const seeded = (numRuns: number): { readonly seed: number; readonly numRuns: number } => ({
  seed: 20_261_125,
  numRuns: isLong('hostile') ? numRuns : Math.ceil(numRuns / SHORT_FORM_SHARE),
});

/** All cases, or those of the short form: the first, and then each ninth. */
export const played = <Case>(cases: readonly Case[]): readonly Case[] =>
  isLong('hostile') ? cases : cases.filter((_, at) => at % SHORT_FORM_SHARE === 0);
