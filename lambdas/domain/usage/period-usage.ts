/** A workspace's use of its plan in one billing period. */
export interface PeriodUsage {
  readonly usedSeconds: number;
  /** As usedSeconds, and the seconds that live sessions of a hard-capped plan may still use. */
  readonly committedSeconds: number;
  /** When the notice of each threshold was recorded, RFC 3339, by its per cent. */
  readonly notices: Readonly<Record<string, string>>;
}
