import type { WorkspaceId } from '../../../domain/identifiers.ts';
import type { PrimaryKey } from '../table-keys.ts';

/** In `tenancy`: an operator's stop of one workspace, or of the stage. It exists while the stop is active. */
export const stopKey = (workspaceId: WorkspaceId | undefined): PrimaryKey => ({
  pk: `STOP#${workspaceId ?? 'stage'}`,
  sk: 'STOP',
});
