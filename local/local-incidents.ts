import { detailOfRotation } from '../lambdas/adapters/aws/rotation-event.ts';
import type { Incident } from '../lambdas/domain/incident.ts';
import type { RotationEventHandler } from '../lambdas/streams/rotation-requests.ts';
import type { IncidentAnnouncer, RotationRequests } from '../lambdas/use-cases/ports.ts';

/** Stands in for EventBridge: keeps what was announced, and hands rotation requests to the function that a rule would call. */
export interface LocalIncidents extends IncidentAnnouncer, RotationRequests {
  readonly announced: readonly Incident[];
}

export const localIncidents = (
  rotate: RotationEventHandler,
  onIncident: (incident: Incident) => void = () => undefined,
): LocalIncidents => {
  const announced: Incident[] = [];
  return {
    announced,
    announce: async (incident) => {
      announced.push(incident);
      onIncident(incident);
    },
    // Through JSON, as an event would go.
    request: (request) => rotate({ detail: JSON.parse(JSON.stringify(detailOfRotation(request))) }),
  };
};
