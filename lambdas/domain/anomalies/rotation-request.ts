import type { WorkspaceId } from '../identifiers.ts';

/** Requests the re-encryption of one key from a function that may open it. */
export interface RotationRequest {
  readonly incidentId: string;
  readonly workspaceId: WorkspaceId;
  readonly scope: 'site' | 'workspace';
  readonly scopeId: string;
  /** The version to re-encrypt; any other is left unchanged. */
  readonly version: number;
}
