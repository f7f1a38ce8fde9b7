import type { ChainHead } from './audit-record.ts';
import type { DecryptCall } from './decrypt-call.ts';
import { FINDING_KINDS, type Finding, type ReconciledRow } from './reconcile.ts';

/** Differences between an audit chain in the table, its archive and the last checkpoint. */
export const CHAIN_FINDING_KINDS = {
  table_broken: 'The chain in the table is not as it was written, or its end was cut off',
  archive_broken: 'The chain in the archive is not as it was written',
  table_differs: 'The table and the archive have different rows at one place',
  rewritten: 'The row at the last checkpoint is another now',
  not_archived: 'Rows of the table were not copied to the archive within an hour',
  object_overwritten: 'An object of the evidence was overwritten',
  object_hidden: 'An object of the evidence was hidden behind a delete marker',
  checkpoint_invalid: 'A checkpoint has no valid signature',
  checkpoint_missing: 'There is no checkpoint of the day before',
} as const;

const MEANINGS = { ...FINDING_KINDS, ...CHAIN_FINDING_KINDS } as const;

export type DifferenceKind = keyof typeof MEANINGS;

/** One difference, of any record. */
export interface Difference extends Omit<Finding, 'kind'> {
  readonly kind: DifferenceKind;
}

/** A row of a chain that was compared. */
export interface ChainPosition extends ChainHead {
  readonly previousHash: string;
}

/** The findings of one run of the reconciliation, and the start of the next run. */
export interface Checkpoint {
  /** When the run began, RFC 3339. */
  readonly at: string;
  /** The first moment that any run has judged. */
  readonly begun: string;
  /** The window that is judged: `from` inclusive, `to` exclusive. */
  readonly from: string;
  readonly to: string;
  /** false: the run ended before everything was read. The next one continues, and judges then. */
  readonly complete: boolean;
  readonly decrypts: number;
  readonly rows: number;
  readonly matched: number;
  /** Findings by kind: all of them. */
  readonly counts: Readonly<Record<string, number>>;
  /** The findings, at most MAX_FINDINGS. */
  readonly findings: readonly Difference[];
  /** The last row of each chain that was compared, by workspace. */
  readonly chains: Readonly<Record<string, ChainPosition>>;
  /** Files of CloudTrail: those delivered before `since` have been read, and of the later ones `read`. */
  readonly trail: { readonly since: string; readonly read: readonly string[] };
  /** Records that were judged, or will be with the next day, and that later ones can still match. */
  readonly carried: Records;
  /** Records that an incomplete run has read; the run that completes the day judges them. */
  readonly unjudged: Records;
  /** The last workspace whose chain an incomplete run has compared. */
  readonly comparedUpTo: string | null;
  /** The last object of each folder that was examined for a second version; without one, the next run begins at the first. */
  readonly swept: Readonly<Record<string, string>>;
  /** Changed objects that were reported, as `<name>@<version>`. */
  readonly changed: readonly string[];
}

export interface Records {
  readonly decrypts: readonly DecryptCall[];
  readonly rows: readonly ReconciledRow[];
}

export const MAX_FINDINGS = 1_000;

/**
 * True if a person must investigate. A session without an outcome is a crash, and a decrypt that KMS refused for another reason than
 * a missing right has opened nothing.
 */
export const isIncident = ({ kind, detail }: Difference): boolean =>
  kind !== 'intent_without_outcome' && (kind !== 'failed_decrypt' || /^AccessDenied/.test(detail ?? ''));

export const countsOf = (differences: readonly Difference[]): Readonly<Record<string, number>> =>
  Object.fromEntries(
    [...Map.groupBy(differences, ({ kind }) => kind)].map(([kind, of]) => [kind, of.length]),
  );

/** One line for a person. */
export const differenceSummary = (counts: Readonly<Record<string, number>>): string =>
  `The daily reconciliation found differences between the records of key use: ${Object.entries(counts)
    .map(([kind, count]) => `${count} ${kind}`)
    .join(', ')}.`;
