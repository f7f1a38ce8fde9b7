import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { HangUpQueue, Stops } from '../ports/calls.ts';

/** The audit chain of events that concern no single workspace. */
const PLATFORM = 'platform';

/** Delay before the second pass, seconds. Like the kill switch of a key, it finds sessions admitted during the first pass. */
const SECOND_PASS_SECONDS = 30;

export interface StopPorts {
  readonly stops: Stops;
  readonly hangUps: HangUpQueue;
  readonly auditEvents: AuditEventFactory;
}

/**
 * An operator's stop of one workspace, or of the stage. `sessions` refuses new sessions, effective at the next request;
 * `calls` also ends the live calls; `resume` ends the stop. Returns in how many workspaces calls are being ended.
 */
export const stopService =
  ({ stops, hangUps, auditEvents }: StopPorts) =>
  async (
    caller: Caller,
    what: 'sessions' | 'calls' | 'resume',
    workspaceId: WorkspaceId | undefined,
  ): Promise<number> => {
    const type = what === 'resume' ? 'service.resumed' : 'service.stopped';
    const event = await auditEvents.event(caller, type, {
      workspaceId: workspaceId ?? PLATFORM,
      facts: { what, scope: workspaceId === undefined ? 'stage' : 'workspace' },
    });
    if (what === 'resume') {
      await stops.resume(workspaceId, event);
      return 0;
    }
    await stops.stop(workspaceId, event);
    if (what === 'sessions') return 0;
    const workspaces = workspaceId === undefined ? await stops.listLiveWorkspaces() : [workspaceId];
    for (const id of workspaces) {
      const message = { kind: 'scope', scope: { workspaceId: id, all: true }, by: 'operator' } as const;
      await hangUps.send(message);
      await hangUps.send(message, SECOND_PASS_SECONDS);
    }
    return workspaces.length;
  };
