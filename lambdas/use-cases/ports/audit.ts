import type {
  AuditEvent,
  AuditEventType,
  AuditFacts,
  AuditRow,
  ChainHead,
} from '../../domain/audit/audit-record.ts';
import type { EventWriter } from '../../domain/audit/event-writers.ts';
import type { SiteId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { Page, PageRequest } from './pages.ts';

/**
 * Makes the audit event of a change that a person makes: who, when, from where. The change writes it in the same
 * transaction, so that neither can be without the other.
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
  /** Whether the event has its row already. */
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

/** Objects that nobody changes once they are written: the audit trail, outside of the database. */
export interface AuditArchive {
  /** The same name again holds what was put last; what was there before stays as long as the bucket keeps it. */
  put(name: string, lines: string): Promise<void>;
}
