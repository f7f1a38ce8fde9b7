import type { SiteId } from '../identifiers.ts';
import type { BillingMode } from '../tenancy/workspace.ts';
import type { AnomalySubject } from './anomaly-record.ts';
import type { BareObservation } from './anomaly-state.ts';
import type { KeyInUse } from './incident.ts';

/** One record of a stream, as far as the detector cares. */
export interface KeyUsageEvent extends AnomalySubject {
  readonly siteId: SiteId | undefined;
  readonly mode: BillingMode;
  /** undefined if no key was used. */
  readonly key: KeyInUse | undefined;
  readonly observation: BareObservation;
}
