import type { SessionId, SiteId, WorkspaceId } from '../identifiers.ts';
import type { FailureSource } from './reported-failure.ts';

/** A failure that the operator should know of; repeats within a minute are counted on one row. */
export interface ReportedError {
  readonly workspaceId: WorkspaceId;
  readonly siteId: SiteId | undefined;
  /** Name of the refusal, or of what a widget reported. */
  readonly code: string;
  /** Where it happened: at the mint, or in the visitor's browser. */
  readonly source: 'mint' | FailureSource;
  readonly openAiFailure: string | undefined;
  readonly message: string;
  readonly sessionId: SessionId | undefined;
  /** The refused origin in its canonical form; undefined for any other failure, and for a header that is no origin. */
  readonly origin?: string | undefined;
  readonly at: string;
  /** Days that the row is kept after its last repeat. */
  readonly keptDays: number;
}

export interface ErrorRow extends Omit<ReportedError, 'at' | 'keptDays'> {
  /** When it expires, unix seconds. */
  readonly expiresAt: number;
  readonly firstAt: string;
  readonly lastAt: string;
  readonly count: number;
  /** Of several rows of one minute that name different origins: which. */
  readonly slot?: number | undefined;
}
