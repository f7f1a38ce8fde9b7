import {
  type AuditRow,
  type ChainHead,
  ChainVerifier,
  emptyChain,
} from '../../../lambdas/domain/audit/audit-record.ts';

/**
 * `missing`: a row between the first and the last is not in the file. `repeated`, `out_of_order`: rows were copied or moved.
 * `altered`: the content differs from what was written. `unlinked`: this row does not follow the one before it, so
 * one of the two was changed. `cut_off`: the file ends before the head. `rewritten`: the row at the head's number has another hash.
 */
export type ExportFault =
  | 'missing'
  | 'repeated'
  | 'out_of_order'
  | 'altered'
  | 'unlinked'
  | 'cut_off'
  | 'rewritten';

export interface ExportVerdict {
  readonly first: number;
  readonly last: number;
  /** Rows that were read. */
  readonly rows: number;
  /** The first row that is wrong. */
  readonly broken: { readonly sequence: number; readonly fault: ExportFault } | undefined;
}

/**
 * Checks the rows of one export, oldest first or newest first, and names the first one that is wrong. With the key of the chain it
 * recomputes each hash; without it only the numbers and the links between rows are checked.
 *
 * @throws Error for a file without rows, or a head that the file cannot be compared with.
 */
export const verifyAuditRows = (
  rows: readonly AuditRow[],
  workspaceId: string,
  { chainKey, head }: { readonly chainKey?: Uint8Array | undefined; readonly head?: ChainHead | undefined },
): ExportVerdict => {
  const [top, bottom] = [rows[0], rows.at(-1)];
  if (top === undefined || bottom === undefined) throw new Error('The file has no rows.');
  const ordered = top.sequence > bottom.sequence ? rows.toReversed() : rows;
  const broken =
    placeFault(ordered) ??
    contentFault(ordered, workspaceId, chainKey) ??
    linkFault(ordered, workspaceId) ??
    headFault(ordered, head);
  const [first = top, last = bottom] = [ordered[0], ordered.at(-1)];
  return { first: first.sequence, last: last.sequence, rows: rows.length, broken };
};

type Broken = ExportVerdict['broken'];

/** A row that is not at the position of its number. */
const placeFault = (rows: readonly AuditRow[]): Broken => {
  const present = new Set(rows.map(({ sequence }) => sequence));
  const before = new Set<number>();
  let expected = rows[0]?.sequence ?? 1;
  for (const { sequence } of rows) {
    if (before.has(sequence)) return { sequence, fault: 'repeated' };
    if (sequence !== expected)
      return present.has(expected)
        ? { sequence, fault: 'out_of_order' }
        : { sequence: expected, fault: 'missing' };
    before.add(sequence);
    expected += 1;
  }
  return undefined;
};

const contentFault = (
  rows: readonly AuditRow[],
  workspaceId: string,
  chainKey: Uint8Array | undefined,
): Broken => {
  const damaged = rows.find(({ type }) => type === 'row.damaged');
  if (damaged !== undefined) return { sequence: damaged.sequence, fault: 'altered' };
  if (chainKey === undefined) return undefined;
  const [first] = rows;
  const before =
    first === undefined || first.sequence === 1
      ? undefined
      : { sequence: first.sequence - 1, hash: first.previousHash };
  const verifier = new ChainVerifier(workspaceId, chainKey, before);
  for (const row of rows) verifier.take({ ...row, workspaceId });
  const { broken } = verifier.finish(0);
  return broken === undefined ? undefined : { sequence: broken.sequence, fault: 'altered' };
};

/** A row that does not contain the hash of the one before it; for the first row, the start of the workspace's chain. */
const linkFault = (rows: readonly AuditRow[], workspaceId: string): Broken => {
  let previous: string | undefined = rows[0]?.sequence === 1 ? emptyChain(workspaceId).hash : undefined;
  for (const { sequence, previousHash, hash } of rows) {
    if (previous !== undefined && previousHash !== previous) return { sequence, fault: 'unlinked' };
    previous = hash;
  }
  return undefined;
};

const headFault = (rows: readonly AuditRow[], head: ChainHead | undefined): Broken => {
  if (head === undefined) return undefined;
  const first = rows[0];
  if (first !== undefined && head.sequence < first.sequence - 1)
    throw new Error(
      `The head is row ${head.sequence}, and the file begins with row ${first.sequence}. Give a later head, or export from an earlier time.`,
    );
  // The first row names the hash of the one before it.
  const hash =
    head.sequence + 1 === first?.sequence
      ? first.previousHash
      : rows.find(({ sequence }) => sequence === head.sequence)?.hash;
  if (hash === undefined) return { sequence: head.sequence, fault: 'cut_off' };
  return hash === head.hash ? undefined : { sequence: head.sequence, fault: 'rewritten' };
};
