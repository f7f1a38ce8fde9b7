/** A workspace's use of its plan in one billing period. */
export interface PeriodUsage {
  readonly usedSeconds: number;
  /** As usedSeconds, and what running sessions of a hard-capped plan may still use. */
  readonly committedSeconds: number;
  /** When each threshold of the plan was noticed, RFC 3339, by its per cent. */
  readonly notices: Readonly<Record<string, string>>;
}
