import type { EventBridgeEvent } from 'aws-lambda';
import type { RotationRequest } from '../domain/anomalies/rotation-request.ts';
import type { Log } from '../telemetry/log.ts';

export type RotationEventHandler = (
  event: Pick<EventBridgeEvent<string, unknown>, 'detail'>,
) => Promise<void>;

/** Carries out one rotation request. What it throws makes Lambda try again, and then use the dead-letter queue. */
export const rotationRequests =
  (ports: {
    readonly requestIn: (detail: unknown) => RotationRequest;
    readonly reencrypt: (request: RotationRequest) => Promise<'reencrypted' | 'superseded'>;
    readonly log: Log;
  }): RotationEventHandler =>
  async ({ detail }) => {
    const request = ports.requestIn(detail);
    const outcome = await ports.reencrypt(request);
    ports.log.info('rotation request answered', {
      workspace_id: request.workspaceId,
      incident_id: request.incidentId,
      outcome,
    });
  };
