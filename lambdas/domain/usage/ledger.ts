import { addTokens, NO_TOKENS, subtractTokens, type TokenCounts } from './token-counts.ts';

/**
 * One session's contribution to the totals of its site, day, model and mode, and to its workspace's billing period.
 * Every field adds up, so that the totals are the sum of the entries, at any moment and in any order of writes.
 */
export interface LedgerEntry {
  /** 1 once the session is known to have connected, else 0. */
  readonly sessions: number;
  readonly seconds: number;
  /**
   * Seconds that count against a plan: of managed sessions that lasted long enough. With a hard cap, those of a running session
   * follow when its hold grows.
   */
  readonly billedSeconds: number;
  /** As billedSeconds, and while a session of a hard-capped plan may still run, its whole hold. */
  readonly committedSeconds: number;
  readonly costMicroCents: number;
  /** 1 for a session whose model has no known price, and whose cost is therefore not in `costMicroCents`. */
  readonly unpricedSessions: number;
  /** 1 for a session with reports that cannot be true. */
  readonly flaggedSessions: number;
  /** 1 for a connected session that no watcher has seen completely: its usage comes from the page, or may have a gap. */
  readonly incompleteSessions: number;
  readonly tokens: TokenCounts;
}

export const NO_ENTRY: LedgerEntry = {
  sessions: 0,
  seconds: 0,
  billedSeconds: 0,
  committedSeconds: 0,
  costMicroCents: 0,
  unpricedSessions: 0,
  flaggedSessions: 0,
  incompleteSessions: 0,
  tokens: NO_TOKENS,
};

const COUNTS = [
  'sessions',
  'seconds',
  'billedSeconds',
  'committedSeconds',
  'costMicroCents',
  'unpricedSessions',
  'flaggedSessions',
  'incompleteSessions',
] as const satisfies readonly Exclude<keyof LedgerEntry, 'tokens'>[];

const combine = (
  a: LedgerEntry,
  b: LedgerEntry,
  count: (a: number, b: number) => number,
  tokens: TokenCounts,
): LedgerEntry => ({
  ...NO_ENTRY,
  ...Object.fromEntries(COUNTS.map((name) => [name, count(a[name], b[name])])),
  tokens,
});

export const addEntries = (a: LedgerEntry, b: LedgerEntry): LedgerEntry =>
  combine(a, b, (x, y) => x + y, addTokens(a.tokens, b.tokens));

/** The difference that must be added to `before` to give `after`. */
export const entryDifference = (after: LedgerEntry, before: LedgerEntry): LedgerEntry =>
  combine(after, before, (x, y) => x - y, subtractTokens(after.tokens, before.tokens));

export const isZeroEntry = (entry: LedgerEntry): boolean =>
  COUNTS.every((name) => entry[name] === 0) && Object.values(entry.tokens).every((count) => count === 0);

/** One item of the totals. */
export interface LedgerTotal {
  /** Its place within its workspace. */
  readonly place: string;
  readonly counts: Readonly<Record<string, number>>;
  /** Grows with every change of the item; 0 if there is none. */
  readonly writes: number;
}

/** One usage record's addition to one item of the totals. */
export type LedgerPosting = Pick<LedgerTotal, 'place' | 'counts'>;
