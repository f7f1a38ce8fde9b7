import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';

/** An operator's stop: of one workspace, or of the whole stage where there is none. */
export interface Stops {
  /** From the next request on nobody gets a session. With its audit event. Repeating it changes nothing. */
  stop(workspaceId: WorkspaceId | undefined, event: AuditEvent): Promise<void>;
  /** With its audit event. Repeating it changes nothing. */
  resume(workspaceId: WorkspaceId | undefined, event: AuditEvent): Promise<void>;
  /** The workspaces in which sessions run. */
  listLiveWorkspaces(): Promise<readonly WorkspaceId[]>;
}
