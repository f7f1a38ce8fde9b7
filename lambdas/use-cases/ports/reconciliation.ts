import type { AuditRow } from '../../domain/audit/audit-record.ts';
import type { Checkpoint } from '../../domain/audit/checkpoint.ts';
import type { DecryptCall } from '../../domain/audit/decrypt-call.ts';

/** A file of CloudTrail. */
export interface TrailFile {
  readonly name: string;
  /** UTC minute that its name carries: when CloudTrail delivered it. RFC 3339. */
  readonly at: string;
}

/** CloudTrail's own record, of every region. */
export interface TrailReader {
  /** Files that were delivered at `since` or later, whatever the times of their events. */
  filesSince(since: Date): AsyncIterable<TrailFile>;
  /** The calls of Decrypt in a file. Throws when any of it cannot be read. */
  readDecrypts(file: TrailFile): Promise<readonly DecryptCall[]>;
}

/** The archive of the audit trail. */
export interface ArchiveReader {
  workspaces(): AsyncIterable<string>;
  /** The rows after `sequence`, in portions that are sorted by their first row; some can come twice, and older ones with them. */
  rowsAfter(workspaceId: string, sequence: number): AsyncIterable<readonly AuditRow[]>;
}

/** Signed results of earlier runs. Nobody can change one, and only the reconciliation can sign one. */
export interface Checkpoints {
  /** The newest that carries a valid signature, and the names of those after it that do not. */
  latest(): Promise<{ readonly checkpoint: Checkpoint | undefined; readonly invalid: readonly string[] }>;
  save(checkpoint: Checkpoint): Promise<void>;
}

/** Publishes that the records differ, at least once. */
export interface DifferenceAnnouncer {
  announceDifference(difference: {
    readonly at: string;
    /** Findings by kind. */
    readonly counts: Readonly<Record<string, number>>;
  }): Promise<void>;
}
