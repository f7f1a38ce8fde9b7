import { type AuditRow, type ChainVerification, ChainVerifier } from '../../domain/audit/audit-record.ts';
import type { ChainPosition, Difference } from '../../domain/audit/checkpoint.ts';
import type { ArchiveReader, AuditLog, ChainKeys } from '../ports/audit.ts';
import { verifyPart } from './verify-archived-rows.ts';

/** DynamoDB ends a page at 1 MB, which is about this many rows. */
const PAGE = 1_000;
/** Rows of the archive in memory at a time. */
const SLICE = 20_000;
/** The archiver is behind by seconds; its alarm has a threshold of minutes. */
const ARCHIVED_WITHIN_MS = 3_600_000;

export interface ComparedChain {
  /** The last row of the archive; undefined for a chain without rows. */
  readonly position: ChainPosition | undefined;
  readonly differences: readonly Difference[];
  /** The call ended because time ran out; another call continues at `position`. */
  readonly stopped: boolean;
}

/**
 * Compares the rows of a chain that came after `known`, in the table and in the archive, row by row, and recomputes their
 * hashes. `known` is the row of the last checkpoint: it must still be in the table, unchanged. Passes each new row of the archive to
 * `take`. Holds 20,000 rows of the archive and 1,000 of the table at once.
 */
export const compareChain =
  (ports: {
    readonly audit: AuditLog;
    readonly archive: ArchiveReader;
    readonly chainKeys: ChainKeys;
    readonly isLate: () => boolean;
  }) =>
  async (
    workspaceId: string,
    known: ChainPosition | undefined,
    now: Date,
    take: (row: AuditRow) => void,
  ): Promise<ComparedChain> => {
    const chainKey = await ports.chainKeys.keyOf(workspaceId);
    const table = new TableSide(ports.audit, workspaceId, chainKey, known);
    let position = known;
    let archived: ChainVerification | undefined;
    let stopped = false;
    const differing: Difference[] = [];
    const difference = (kind: Difference['kind'], sequence: number, detail?: string): Difference => ({
      kind,
      at: now.toISOString(),
      workspace_id: workspaceId,
      sequence,
      ...(detail !== undefined && { detail }),
    });

    const portions = ports.archive.rowsAfter(workspaceId, known?.sequence ?? 0);
    for await (const { rows: slice, isLate } of slicesOf(portions, ports.isLate)) {
      const after = position?.sequence ?? 0;
      const rows = slice.filter(({ sequence }) => sequence > after);
      if (archived?.broken === undefined)
        archived = withoutCutOff(verifyPart(workspaceId, rows, chainKey, position));
      for (const row of distinctInOrder(rows)) {
        take(row);
        const inTable = await table.at(row.sequence);
        if (inTable !== undefined && inTable.hash !== row.hash)
          differing.push(difference('table_differs', row.sequence));
        position = { sequence: row.sequence, hash: row.hash, previousHash: row.previousHash };
      }
      stopped = isLate;
      if (stopped) break;
    }
    const waiting = stopped ? undefined : await table.rest();
    const verdict = stopped ? table.soFar() : await table.finish(position?.sequence ?? 0);

    return {
      position,
      stopped,
      differences: [
        ...(table.isRewritten && known !== undefined ? [difference('rewritten', known.sequence)] : []),
        ...(verdict.broken === undefined
          ? []
          : [difference('table_broken', verdict.broken.sequence, verdict.broken.fault)]),
        ...(archived?.broken === undefined
          ? []
          : [difference('archive_broken', archived.broken.sequence, archived.broken.fault)]),
        ...differing.slice(0, 1),
        ...(waiting !== undefined && now.getTime() - Date.parse(waiting.at) > ARCHIVED_WITHIN_MS
          ? [difference('not_archived', waiting.sequence)]
          : []),
      ],
    };
  };

/** The rows of a chain in the table, from the row of the last checkpoint on, one page at a time. */
class TableSide {
  /** The row of the last checkpoint has another hash. */
  isRewritten = false;
  readonly #audit: AuditLog;
  readonly #workspaceId: string;
  readonly #verifier: ChainVerifier;
  readonly #known: ChainPosition | undefined;
  readonly #marked: Promise<number>;
  #page: readonly AuditRow[] = [];
  #index = 0;
  #next: string | undefined;
  #started = false;
  #taken = 0;
  #isCutOff = false;

  constructor(audit: AuditLog, workspaceId: string, chainKey: Uint8Array, known: ChainPosition | undefined) {
    this.#audit = audit;
    this.#workspaceId = workspaceId;
    this.#known = known;
    const before = known && { sequence: known.sequence - 1, hash: known.previousHash };
    this.#verifier = new ChainVerifier(workspaceId, chainKey, before);
    // Markers first: a row that is appended during the read is then never mistaken for a missing one.
    this.#marked = audit.lastMarkedSequence(workspaceId);
    if (before !== undefined && before.sequence > 0)
      this.#next = audit.positionOf({ workspaceId, sequence: before.sequence });
  }

  /** The row at this place, after those before it were checked; undefined when there is none. */
  async at(sequence: number): Promise<AuditRow | undefined> {
    for (let row = await this.#peekAgain(); row !== undefined; row = await this.#peekAgain()) {
      if (row.sequence > sequence) return undefined;
      this.#take(row);
      if (row.sequence === sequence) return row;
    }
    return undefined;
  }

  /** Checks the remaining rows; returns the first of them after the row of the last checkpoint. */
  async rest(): Promise<AuditRow | undefined> {
    let first: AuditRow | undefined;
    for (let row = await this.#peek(); row !== undefined; row = await this.#peek()) {
      this.#take(row);
      if (row.sequence > (this.#known?.sequence ?? 0)) first ??= row;
    }
    return first;
  }

  /** The verdict on the checked rows, whatever follows. */
  soFar(): ChainVerification {
    return withoutCutOff(this.#verifier.finish(0));
  }

  /** The verification of the table, which must still contain the rows up to `archived`. */
  async finish(archived: number): Promise<ChainVerification> {
    return this.#verifier.finish(Math.max(archived, await this.#marked));
  }

  #take(row: AuditRow): void {
    this.#index += 1;
    this.#taken = row.sequence;
    this.#verifier.take(row);
    if (row.sequence === this.#known?.sequence && row.hash !== this.#known.hash) this.isRewritten = true;
  }

  /** The next row, if the archive has one. Rows that were appended after the last page was read are now in the table. */
  async #peekAgain(): Promise<AuditRow | undefined> {
    const row = await this.#peek();
    if (row !== undefined || this.#isCutOff || this.#taken === 0) return row;
    this.#next = this.#audit.positionOf({ workspaceId: this.#workspaceId, sequence: this.#taken });
    const appended = await this.#peek();
    this.#isCutOff = appended === undefined;
    return appended;
  }

  async #peek(): Promise<AuditRow | undefined> {
    while (this.#index >= this.#page.length && (!this.#started || this.#next !== undefined)) {
      await this.#marked;
      this.#started = true;
      const page = { limit: PAGE, after: this.#next };
      const { items, next } = await this.#audit.listRows(this.#workspaceId, page, 'oldest_first');
      this.#page = items;
      this.#index = 0;
      this.#next = next;
    }
    return this.#page[this.#index];
  }
}

/** The rows of the table that the archive lacks show whether the archive is complete. */
const withoutCutOff = (verdict: ChainVerification): ChainVerification =>
  verdict.broken?.fault === 'cut_off' ? { ...verdict, broken: undefined, intact: true } : verdict;

const distinctInOrder = (rows: readonly AuditRow[]): readonly AuditRow[] =>
  [...new Map(rows.map((row) => [row.sequence, row])).values()].toSorted((a, b) => a.sequence - b.sequence);

interface Slice {
  readonly rows: readonly AuditRow[];
  /** True if the time ran out after this slice, which may not be the last one. */
  readonly isLate: boolean;
}

/**
 * Combines portions up to SLICE rows; a slice may exceed that by one portion. When time runs out, a slice ends after the
 * current portion, so that each call makes progress.
 */
const slicesOf = async function* (
  portions: AsyncIterable<readonly AuditRow[]>,
  late: () => boolean,
): AsyncGenerator<Slice> {
  let rows: AuditRow[] = [];
  for await (const portion of portions) {
    rows.push(...portion);
    const isLate = late();
    if (rows.length < SLICE && !isLate) continue;
    yield { rows, isLate };
    rows = [];
  }
  yield { rows, isLate: false };
};
