import type { Clock } from '../ports/runtime.ts';
import type { WorkspaceReader } from '../ports/tenancy.ts';

/** How long a workspace is remembered, milliseconds. */
const REMEMBERED_MS = 60_000;

/**
 * Reads the latest workspace once a minute instead of with each response. For the time zone of budgets alone, which may be
 * a minute old: a new one never starts a period again.
 */
export const rememberWorkspace = (workspaces: WorkspaceReader, clock: Clock): WorkspaceReader => {
  let latest:
    | {
        readonly workspaceId: string;
        readonly atMs: number;
        readonly workspace: Awaited<ReturnType<WorkspaceReader['readWorkspace']>>;
      }
    | undefined;
  return {
    readWorkspace: async (workspaceId) => {
      const atMs = clock().getTime();
      if (latest?.workspaceId === workspaceId && atMs - latest.atMs < REMEMBERED_MS) return latest.workspace;
      const workspace = await workspaces.readWorkspace(workspaceId);
      latest = { workspaceId, atMs, workspace };
      return workspace;
    },
  };
};
