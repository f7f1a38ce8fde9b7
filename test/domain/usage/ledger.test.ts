import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import {
  addEntries,
  entryDifference,
  isZeroEntry,
  type LedgerEntry,
  NO_ENTRY,
} from '../../../lambdas/domain/usage/ledger.ts';
import { addTokens, NO_TOKENS, TOKEN_KINDS } from '../../../lambdas/domain/usage/token-counts.ts';

const count = fc.nat(1_000_000);
const tokens = fc.tuple(...TOKEN_KINDS.map(() => count)).map((counts) => ({
  ...NO_TOKENS,
  ...Object.fromEntries(TOKEN_KINDS.map((kind, i) => [kind, counts[i]])),
}));
const entry: fc.Arbitrary<LedgerEntry> = fc.record({
  sessions: count,
  seconds: count,
  billedSeconds: count,
  committedSeconds: count,
  costMicroCents: count,
  unpricedSessions: count,
  flaggedSessions: count,
  incompleteSessions: count,
  tokens,
});

/** The same session later and later: of tokens it only ever has more. */
const growing = fc.array(entry, { minLength: 1, maxLength: 10 }).map((entries) => {
  let tokens = NO_TOKENS;
  return entries.map((next) => {
    tokens = addTokens(tokens, next.tokens);
    return { ...next, tokens };
  });
});

describe('entries of the ledger', () => {
  it('add up: the differences between the events of a session equal its total', () => {
    fc.assert(
      fc.property(growing, (states) => {
        let posted = NO_ENTRY;
        let total = NO_ENTRY;
        for (const state of states) {
          total = addEntries(total, entryDifference(state, posted));
          posted = state;
        }
        expect(total).toEqual(states.at(-1));
      }),
      { seed: 4 },
    );
  });

  it('can subtract earlier amounts, for example if a session is shorter or a hold has ended', () => {
    const held = { ...NO_ENTRY, seconds: 40, committedSeconds: 600 };
    const over = { ...NO_ENTRY, seconds: 25, billedSeconds: 25, committedSeconds: 25 };
    expect(entryDifference(over, held)).toMatchObject({
      seconds: -15,
      billedSeconds: 25,
      committedSeconds: -575,
    });
  });

  it('are empty only if every field is zero', () => {
    expect(isZeroEntry(NO_ENTRY)).toBe(true);
    for (const name of Object.keys(NO_ENTRY).filter((field) => field !== 'tokens'))
      expect(isZeroEntry({ ...NO_ENTRY, [name]: -1 })).toBe(false);
    for (const kind of TOKEN_KINDS)
      expect(isZeroEntry({ ...NO_ENTRY, tokens: { ...NO_TOKENS, [kind]: 1 } })).toBe(false);
  });
});
