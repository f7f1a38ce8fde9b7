import { detailOfRotation } from '../lambdas/adapters/aws/rotation-event.ts';
import type { Incident } from '../lambdas/domain/incident.ts';
import type { PlanNotice } from '../lambdas/domain/plan-notice.ts';
import type { RotationEventHandler } from '../lambdas/streams/rotation-requests.ts';
import type { IncidentAnnouncer, NoticeAnnouncer, RotationRequests } from '../lambdas/use-cases/ports.ts';

/** Stands in for EventBridge: keeps what was announced, and hands rotation requests to the function that a rule would call. */
export interface LocalIncidents extends IncidentAnnouncer, NoticeAnnouncer, RotationRequests {
  readonly announced: readonly Incident[];
  readonly notices: readonly PlanNotice[];
}

export const localIncidents = (
  rotate: RotationEventHandler,
  onIncident: (incident: Incident) => void = () => undefined,
): LocalIncidents => {
  const announced: Incident[] = [];
  const notices: PlanNotice[] = [];
  return {
    announced,
    notices,
    announceNotice: async (notice) => {
      notices.push(notice);
    },
    announce: async (incident) => {
      announced.push(incident);
      onIncident(incident);
    },
    // Through JSON, as an event would go.
    request: (request) => rotate({ detail: JSON.parse(JSON.stringify(detailOfRotation(request))) }),
  };
};
