import type { WorkspaceId } from '../identifiers.ts';
import type { AnomalyState } from './anomaly-state.ts';
import type { Incident, KeyInUse } from './incident.ts';

/** Whose use is watched: one OpenAI key within one workspace, or the origins of one site. */
export interface AnomalySubject {
  readonly workspaceId: WorkspaceId;
  /** Fingerprint of the key, or `SITE#<id>`. */
  readonly subject: string;
}

/** The detector's record of one subject. */
export interface AnomalyRecord {
  /** 0: not stored yet. */
  readonly revision: number;
  readonly state: AnomalyState;
  /** Stored keys that were used lately, latest last. */
  readonly keys: readonly KeyInUse[];
  /** On record, and not yet acted upon to the end. */
  readonly pending: readonly Incident[];
}
