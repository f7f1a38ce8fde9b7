import type {
  AuditEvent,
  AuditEventType,
  AuditFacts,
  AuditRow,
  ChainHead,
} from '../../domain/audit/audit-record.ts';
import type { Checkpoint } from '../../domain/audit/checkpoint.ts';
import type { DecryptCall } from '../../domain/audit/decrypt-call.ts';
import type { EventWriter } from '../../domain/audit/event-writers.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { Page, PageRequest } from './pages.ts';

/**
 * Makes the audit event of a person's change: who, when, from where. The change writes it in the same
 * transaction, so that neither exists without the other.
 */
export interface AuditEventFactory {
  event(
    caller: Caller,
    type: AuditEventType,
    subject: {
      readonly workspaceId: string;
      readonly siteId?: SiteId | undefined;
      readonly facts?: AuditFacts;
    },
  ): Promise<AuditEvent>;
}

/** The audit table. Rows are only ever added. */
export interface AuditLog {
  /** True if the event already has its row. */
  knows(event: AuditEvent): Promise<boolean>;
  readHead(workspaceId: string): Promise<ChainHead>;
  /** Adds the row, its entry in the index of its type, and the marker of its event: all or nothing. ConflictError when the place or the event is taken. */
  append(row: AuditRow): Promise<void>;
  listRows(
    workspaceId: string,
    page: PageRequest,
    order: 'oldest_first' | 'newest_first',
  ): Promise<Page<AuditRow>>;
  /** The rows of one indexed type, newest first, without reading any other. Rows that are gone are left out. */
  listRowsOfType(workspaceId: string, type: AuditEventType, page: PageRequest): Promise<Page<AuditRow>>;
  /** Where a page that continues after `row` starts, in either list. */
  positionOf(row: Pick<AuditRow, 'workspaceId' | 'sequence'>): string;
  /** The highest sequence that a marker names; 0 without any. */
  lastMarkedSequence(workspaceId: string): Promise<number>;
}

/** The outbox of one writer. */
export interface Outbox {
  /** Puts an event without a change in the same transaction. ConflictError when it is there. */
  put(event: AuditEvent): Promise<void>;
}

export interface OutboxReader {
  /** Events that `writer` has put into the outbox of the workspace, made at `since` or later. */
  eventsSince(writer: EventWriter, workspaceId: string, since: Date): Promise<readonly AuditEvent[]>;
}

/** Keys of the audit chains: derived from KMS, one per workspace, never stored. */
export interface ChainKeys {
  keyOf(workspaceId: string): Promise<Uint8Array>;
}

/** Objects that are never changed after the write: the audit trail outside of the database. */
export interface AuditArchive {
  /** Never overwrites: if the name is taken, the lines are written under another name that contains their digest. */
  put(name: string, lines: string): Promise<void>;
}

/** A file of CloudTrail. */
export interface TrailFile {
  readonly name: string;
  /** The UTC minute in its name, at which CloudTrail delivered it. RFC 3339. */
  readonly at: string;
}

/** CloudTrail's own record, of every region. */
export interface TrailReader {
  /** Files that were delivered at `since` or later, with events of any time. */
  filesSince(since: Date): AsyncIterable<TrailFile>;
  /** The calls of Decrypt in a file. Throws when any of it cannot be read. */
  readDecrypts(file: TrailFile): Promise<readonly DecryptCall[]>;
}

/** The archive of the audit trail. */
export interface ArchiveReader {
  workspaces(): AsyncIterable<string>;
  /** The rows after `sequence`, in portions sorted by their first row; they may include duplicates and older rows. */
  rowsAfter(workspaceId: string, sequence: number): AsyncIterable<readonly AuditRow[]>;
}

/** Buckets of the evidence. */
export type EvidenceFolder = 'archive' | 'trail';

/** An object of the evidence that was changed after its first write. */
export interface ChangedObject {
  readonly name: string;
  /** `overwritten`: it has a second version. `hidden`: a delete marker is over it. */
  readonly change: 'overwritten' | 'hidden';
  /** The version that made the change. */
  readonly version: string;
}

/** Every version of the objects of a bucket. */
export interface EvidenceVersions {
  /** Changed objects whose names sort after `after`, in portions. `upTo` is the last name that a portion covers. */
  changesAfter(
    after: string,
  ): AsyncIterable<{ readonly upTo: string; readonly changed: readonly ChangedObject[] }>;
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
