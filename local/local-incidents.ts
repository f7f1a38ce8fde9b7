import { detailOfRotation } from '../lambdas/adapters/aws/anomalies/rotation-event.ts';
import type { Incident } from '../lambdas/domain/anomalies/incident.ts';
import type { Tampering } from '../lambdas/domain/anomalies/tampering.ts';
import type { SiteNotice } from '../lambdas/domain/notices/site-notice.ts';
import type { PlanNotice } from '../lambdas/domain/tenancy/plan-notice.ts';
import type { RotationEventHandler } from '../lambdas/streams/rotation-requests.ts';
import type { IncidentAnnouncer, TamperingAnnouncer } from '../lambdas/use-cases/ports/anomalies.ts';
import type { DifferenceAnnouncer } from '../lambdas/use-cases/ports/audit.ts';
import type { RotationRequests } from '../lambdas/use-cases/ports/keys.ts';
import type { NoticeAnnouncer } from '../lambdas/use-cases/ports/usage.ts';

/** Stands in for EventBridge: keeps the events, and passes rotation requests to the function that a rule would call. */
export interface LocalIncidents
  extends IncidentAnnouncer,
    TamperingAnnouncer,
    DifferenceAnnouncer,
    NoticeAnnouncer,
    RotationRequests {
  readonly announced: readonly Incident[];
  readonly tamperings: readonly Tampering[];
  /** Summaries of the reconciliation, by kind of finding. */
  readonly differences: readonly Readonly<Record<string, number>>[];
  readonly notices: readonly PlanNotice[];
  readonly siteNotices: readonly SiteNotice[];
}

export const localIncidents = (
  rotate: RotationEventHandler,
  onIncident: (incident: Incident) => void = () => undefined,
): LocalIncidents => {
  const announced: Incident[] = [];
  const tamperings: Tampering[] = [];
  const differences: Readonly<Record<string, number>>[] = [];
  const notices: PlanNotice[] = [];
  const siteNotices: SiteNotice[] = [];
  return {
    announced,
    tamperings,
    differences,
    notices,
    siteNotices,
    announceTampering: async (found) => {
      tamperings.push(found);
    },
    announceDifference: async ({ counts }) => {
      differences.push(counts);
    },
    announceNotice: async (notice) => {
      if ('kind' in notice) siteNotices.push(notice);
      else notices.push(notice);
    },
    announce: async (incident) => {
      announced.push(incident);
      onIncident(incident);
    },
    // Converted through JSON, like an event.
    request: (request) => rotate({ detail: JSON.parse(JSON.stringify(detailOfRotation(request))) }),
  };
};
