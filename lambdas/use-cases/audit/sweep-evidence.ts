import type { Checkpoint, Difference } from '../../domain/audit/checkpoint.ts';
import type { EvidenceFolder, EvidenceVersions } from '../ports/audit.ts';

/** Maximum number of portions per folder and night. S3 lists 1,000 versions in one, so 200,000 objects take about 40 s. */
const MAX_PORTIONS = 200;
/** Maximum number of stored changes, so that each is reported once. */
const MAX_REMEMBERED = 1_000;

export interface SweptEvidence extends Pick<Checkpoint, 'swept' | 'changed'> {
  readonly differences: readonly Difference[];
}

/**
 * Finds objects of the evidence that were overwritten or hidden after they were written. Continues after the last object of
 * the previous night, and restarts after the last object of the folder: a folder with more than 200,000 objects takes several
 * nights. A change that an earlier run reported is not reported again.
 */
export const sweepEvidence = async (
  evidence: Readonly<Record<EvidenceFolder, EvidenceVersions>>,
  last: Pick<Checkpoint, 'swept' | 'changed'> | undefined,
  at: string,
  isLate: () => boolean,
): Promise<SweptEvidence> => {
  const swept: Partial<Record<EvidenceFolder, string>> = {};
  const known = new Set(last?.changed);
  const differences: Difference[] = [];
  for (const folder of FOLDERS) {
    let portions = 0;
    for await (const { upTo, changed } of evidence[folder].changesAfter(last?.swept[folder] ?? '')) {
      for (const { name, change, version } of changed) {
        const id = `${name}@${version}`;
        if (!known.has(id)) differences.push({ kind: KINDS[change], at, detail: `${folder}: ${name}` });
        known.add(id);
      }
      portions += 1;
      if (portions < MAX_PORTIONS && !isLate()) continue;
      swept[folder] = upTo;
      break;
    }
  }
  return { swept, changed: [...known].slice(-MAX_REMEMBERED), differences };
};

const FOLDERS: readonly EvidenceFolder[] = ['archive', 'trail'];

const KINDS = { overwritten: 'object_overwritten', hidden: 'object_hidden' } as const;
