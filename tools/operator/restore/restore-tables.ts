import type { RawItem, TableCopy } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import type { AuditRow } from '../../../lambdas/domain/audit/audit-record.ts';
import type { Caller } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { Outbox } from '../../../lambdas/use-cases/ports/audit.ts';
import type { MarkWriter } from '../../../lambdas/use-cases/ports/keys.ts';
import type { Clock } from '../../../lambdas/use-cases/ports/runtime.ts';
import { RESTORABLE_TABLES } from '../../../lib/item-uses.ts';
import { readKeyTrail } from '../deletions/key-trail.ts';
import { type Remedy, type ReplayPorts, replayTombstones } from '../deletions/replay.ts';
import { type MarkReport, markFromTrail } from '../marks/mark-from-trail.ts';
import { announcingWorkspaces, noteRestored } from './announce-workspaces.ts';
import { type ArchiveComparison, compareWithArchive } from './compare-archive.ts';
import { copyTable } from './copy-table.ts';
import type { Progress, RestorableTable } from './progress.ts';
import { readTenancyTrail, tenancyAdmission } from './tenancy-trail.ts';

export interface RestorePorts {
  readonly copy: TableCopy;
  /** Works on the restored keys table. Its events go to the live tenancy table. */
  readonly tombstones: ReplayPorts;
  /** On the live tables. */
  readonly marks: MarkWriter;
  /** Of the live tenancy table. */
  readonly outbox: Outbox;
  readonly clock: Clock;
}

export interface RestoreRequest {
  readonly tables: Readonly<Record<RestorableTable, { readonly from: string; readonly to: string }>>;
  /** Verified rows of the archive. */
  readonly rows: readonly AuditRow[];
  /** Continues even if the rows are not the whole trail of every restored workspace. */
  readonly acceptGaps: boolean;
  readonly apply: boolean;
  readonly overwrite: boolean;
  readonly progress: Progress;
  readonly onGap: (workspaceId: string) => void;
  readonly onPage: (table: RestorableTable) => void;
  readonly onDifferent: (table: RestorableTable, place: string) => void;
}

export interface Restored {
  /** Keys that were shredded or suspended in the restored keys table before it was copied. */
  readonly remedies: readonly Remedy[];
  /** The outcome for the mark of each key in the live table. */
  readonly marks: readonly MarkReport[];
  readonly comparison: ArchiveComparison;
}

/** Attribute of DynamoDB's TTL. */
const EXPIRY = 'expires_at';

/**
 * Copies lost items from restored tables, which nothing else reads, into the live tables. Deletions since the backup are
 * applied first, in the restored tables or during the copy, so that no reader ever sees a deleted key or a removed member. The
 * audit table goes first: its rows tell the projector which events it knows. Streams, expiry, point-in-time recovery and
 * protection of the live tables stay as they are. Can be stopped at any point and run again.
 */
export const restoreTables =
  ({ copy, tombstones, marks: markWriter, outbox, clock }: RestorePorts) =>
  async (caller: Caller, request: RestoreRequest): Promise<Restored> => {
    const { tables, rows, acceptGaps, apply, overwrite, progress, onGap, onPage, onDifferent } = request;
    const now = clock().getTime() / 1_000;
    const unlessExpired = (item: RawItem): RawItem | undefined =>
      item[EXPIRY]?.N !== undefined && Number(item[EXPIRY].N) <= now ? undefined : item;
    // Repeated for each table, because the detector accepts an event for six hours.
    const announcing = (): TableCopy =>
      announcingWorkspaces(copy, (workspaceId) =>
        noteRestored(caller, workspaceId, tombstones.auditEvents, outbox),
      );
    const copyOne = async (
      name: RestorableTable,
      admit: (item: RawItem) => RawItem | undefined = unlessExpired,
    ): Promise<void> => {
      const { done, after } = progress.of(name);
      if (done) return;
      await copyTable(name === 'tenancy' || name === 'usage' ? announcing() : copy, {
        ...tables[name],
        admit,
        apply,
        // An audit row is evidence: a missing one is put, and an existing one is never replaced.
        overwrite: overwrite && name !== 'audit',
        after,
        onPage: (next, page) => {
          progress.note(name, next, page);
          onPage(name);
        },
        onDifferent: (place) => onDifferent(name, place),
      });
    };

    const keyTrail = readKeyTrail(rows);
    const tenancy = await tenancyAdmission(copy, tables.tenancy.from, readTenancyTrail(rows));
    const gaps = [...keyTrail.incomplete, ...tenancy.withoutTrail];
    for (const workspaceId of gaps) onGap(workspaceId);
    if (gaps.length > 0 && !acceptGaps)
      throw new Error(
        'What was deleted in a gap of the trail would come back. Copy the whole archive, or accept it with --accept-gaps.',
      );

    await copyOne('audit', (item) => item);
    await copyOne('tenancy', (item) => {
      const admitted = tenancy.admit(item);
      return admitted && unlessExpired(admitted);
    });
    // Its writes require that the workspace or site of a key exists.
    const remedies = await replayTombstones(tombstones)(caller, keyTrail, apply);
    for (const name of RESTORABLE_TABLES.filter((table) => table !== 'audit' && table !== 'tenancy'))
      await copyOne(name);
    const marks = await markFromTrail({
      marks: markWriter,
      auditEvents: tombstones.auditEvents,
    })(caller, keyTrail, apply);
    return { remedies, marks, comparison: await compareWithArchive(copy, tables.audit.to, rows) };
  };
