import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import * as z from 'zod';
import { DependencyUnavailableError } from '../../domain/dependency.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import { summaryOf } from '../../domain/incident.ts';
import type { IncidentAnnouncer, RotationRequest, RotationRequests } from '../../use-cases/ports.ts';
import { AWS_CALL_LIMITS, callAws } from './aws-calls.ts';

/** `source` and `detail-type` of our events; rules match on them. */
export const EVENT_SOURCE = 'spelo.byok';
export const ANOMALY_DETECTED = 'SpeloByok Anomaly Detected';
export const ROTATION_REQUESTED = 'SpeloByok Rotation Requested';

const { connectionTimeout, requestTimeout, maxAttempts } = AWS_CALL_LIMITS;

/**
 * Incidents and rotation requests as events on a bus. Who is told (a mail topic, a chat, a pager) and who encrypts anew is
 * a matter of rules. Ids, counts and one sentence; no fingerprint, no address of a visitor.
 */
export const eventBridgeIncidents = (
  region: string,
  eventBusName: string,
): IncidentAnnouncer & RotationRequests => {
  const client = new EventBridgeClient({
    region,
    maxAttempts,
    requestHandler: { connectionTimeout, requestTimeout, throwOnRequestTimeout: true },
  });
  const put = async (DetailType: string, detail: Readonly<Record<string, unknown>>): Promise<void> => {
    const { Entries = [], FailedEntryCount } = await callAws('eventbridge', 'PutEvents', () =>
      client.send(
        new PutEventsCommand({
          Entries: [
            { EventBusName: eventBusName, Source: EVENT_SOURCE, DetailType, Detail: JSON.stringify(detail) },
          ],
        }),
      ),
    );
    // PutEvents answers 200 even when it took nothing.
    if (FailedEntryCount !== 0)
      throw new DependencyUnavailableError('eventbridge', 'PutEvents', Entries[0]?.ErrorCode ?? 'Unknown');
  };
  return {
    announce: (incident) =>
      put(ANOMALY_DETECTED, {
        incident_id: incident.incidentId,
        workspace_id: incident.workspaceId,
        site_id: incident.siteId,
        kind: incident.kind,
        at: incident.at,
        observed: incident.observed,
        expected: incident.expected,
        threshold: incident.threshold,
        window_seconds: incident.windowSeconds,
        response: incident.response,
        keys: incident.keys.map(({ scope, scopeId, version }) => ({ scope, scope_id: scopeId, version })),
        summary: summaryOf(incident),
      }),
    request: (request) => put(ROTATION_REQUESTED, detailOfRotation(request)),
  };
};

/** A rotation request as an event's detail. */
export const detailOfRotation = (request: RotationRequest): Readonly<Record<string, string | number>> => ({
  incident_id: request.incidentId,
  workspace_id: request.workspaceId,
  scope: request.scope,
  scope_id: request.scopeId,
  version: request.version,
});

const rotationDetail = z
  .object({
    incident_id: z.string(),
    workspace_id: z.string().transform((id) => id as WorkspaceId),
    scope: z.enum(['site', 'workspace']),
    scope_id: z.string(),
    version: z.number(),
  })
  .transform(
    (detail): RotationRequest => ({
      incidentId: detail.incident_id,
      workspaceId: detail.workspace_id,
      scope: detail.scope,
      scopeId: detail.scope_id,
      version: detail.version,
    }),
  );

/** The request in an event's detail. Throws on any other event: it must end in the dead-letter queue, not in silence. */
export const rotationRequestIn = (detail: unknown): RotationRequest => rotationDetail.parse(detail);
