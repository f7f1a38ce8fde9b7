import type { Checkpoint, Difference } from '../../domain/audit/checkpoint.ts';
import type { EvidenceFolder, EvidenceVersions } from '../ports/audit.ts';

/** Portions of one folder and night. S3 lists 1,000 versions in one, so 200,000 objects take some 40 s. */
const MAX_PORTIONS = 200;
/** Changes that are remembered, so that each is an incident once. */
const MAX_REMEMBERED = 1_000;

export interface SweptEvidence extends Pick<Checkpoint, 'swept' | 'changed'> {
  readonly differences: readonly Difference[];
}

/**
 * Looks for objects of the evidence that were written again or hidden after they were written. Goes on after the last object
 * of the night before, and begins again behind the last object of the folder: a folder with more than 200,000 objects takes several nights.
 * A change that an earlier night has reported is not reported again.
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
