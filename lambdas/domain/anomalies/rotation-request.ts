import type { WorkspaceId } from '../identifiers.ts';

/** Asks for one key to be encrypted anew, by somebody who may open it. */
export interface RotationRequest {
  readonly incidentId: string;
  readonly workspaceId: WorkspaceId;
  readonly scope: 'site' | 'workspace';
  readonly scopeId: string;
  /** The version that is meant; any other is left alone. */
  readonly version: number;
}
