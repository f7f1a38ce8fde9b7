import type { Clock } from '../ports/runtime.ts';
import type { SessionEndRecorder } from '../ports/sessions.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';
import { noteThresholds, type ThresholdPorts } from './note-thresholds.ts';

/**
 * Records the end of a session, and then notes the thresholds of its plan that it has reached: the end of a session is when
 * the last of its seconds are in the totals, and no report may follow it.
 */
export const noteThresholdsAtEnd = ({
  ends,
  workspaces,
  clock,
  ...ports
}: ThresholdPorts & {
  readonly clock: Clock;
  readonly workspaces: WorkspaceReader;
  readonly ends: SessionEndRecorder;
}): SessionEndRecorder => ({
  recordEnd: async (usage) => {
    await ends.recordEnd(usage);
    // Own keys have no plan whose minutes are counted.
    if (usage.mode !== 'managed') return;
    const { workspaceId, mode, issuedAt: createdAt } = usage;
    const workspace = await workspaces.readWorkspace(workspaceId);
    await noteThresholds(ports, { session: { workspaceId, mode, createdAt }, workspace }, clock());
  },
});
