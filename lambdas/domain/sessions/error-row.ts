import type { SessionId, SiteId, WorkspaceId } from '../identifiers.ts';
import type { FailureSource } from './reported-failure.ts';

/** A failure for the operator's list; repetitions within a minute are counted in one row. */
export interface ReportedError {
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId | undefined;
  /** Name of the refusal, or of the reported failure. */
  readonly code: string;
  /** Where it happened: at the mint, or in the visitor's browser. */
  readonly source: 'mint' | FailureSource;
  readonly openAiFailure: string | undefined;
  readonly message: string;
  readonly sessionId: SessionId | undefined;
  /** The refused origin in its canonical form; undefined for any other failure, and for a header that is no origin. */
  readonly origin?: string | undefined;
  readonly at: string;
  /** Retention of the row in days after its last repetition. */
  readonly keptDays: number;
}

export interface ErrorRow extends Omit<ReportedError, 'at' | 'keptDays'> {
  /** When it expires, unix seconds. */
  readonly expiresAt: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly count: number;
  /** The index of this row among several rows of one minute with different origins. */
  readonly slot?: number | undefined;
}
