import * as z from 'zod';
import type { RotationRequest } from '../../../domain/anomalies/rotation-request.ts';
import { workspaceId } from '../ids.ts';

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
    workspace_id: workspaceId,
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
