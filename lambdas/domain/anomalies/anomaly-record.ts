import type { WorkspaceId } from '../identifiers.ts';
import type { AnomalyState } from './anomaly-state.ts';
import type { Incident, KeyInUse } from './incident.ts';

/** The subject of the detection: one OpenAI key within one workspace, or the origins of one site. */
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
  /** Stored keys that were used recently, the latest last. */
  readonly keys: readonly KeyInUse[];
  /** Recorded incidents whose response is not complete. */
  readonly pending: readonly Incident[];
}
