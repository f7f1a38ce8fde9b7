import { detailOfRotation } from '../lambdas/adapters/aws/anomalies/rotation-event.ts';
import type { Incident } from '../lambdas/domain/anomalies/incident.ts';
import type { SiteNotice } from '../lambdas/domain/notices/site-notice.ts';
import type { PlanNotice } from '../lambdas/domain/tenancy/plan-notice.ts';
import type { RotationEventHandler } from '../lambdas/streams/rotation-requests.ts';
import type { IncidentAnnouncer } from '../lambdas/use-cases/ports/anomalies.ts';
import type { RotationRequests } from '../lambdas/use-cases/ports/keys.ts';
import type { NoticeAnnouncer } from '../lambdas/use-cases/ports/usage.ts';

/** Stands in for EventBridge: keeps what was announced, and hands rotation requests to the function that a rule would call. */
export interface LocalIncidents extends IncidentAnnouncer, NoticeAnnouncer, RotationRequests {
  readonly announced: readonly Incident[];
  readonly notices: readonly PlanNotice[];
  readonly siteNotices: readonly SiteNotice[];
}

export const localIncidents = (
  rotate: RotationEventHandler,
  onIncident: (incident: Incident) => void = () => undefined,
): LocalIncidents => {
  const announced: Incident[] = [];
  const notices: PlanNotice[] = [];
  const siteNotices: SiteNotice[] = [];
  return {
    announced,
    notices,
    siteNotices,
    announceNotice: async (notice) => {
      if ('kind' in notice) siteNotices.push(notice);
      else notices.push(notice);
    },
    announce: async (incident) => {
      announced.push(incident);
      onIncident(incident);
    },
    // Through JSON, as an event would go.
    request: (request) => rotate({ detail: JSON.parse(JSON.stringify(detailOfRotation(request))) }),
  };
};
