import type { WorkspaceId } from '../../../domain/identifiers.ts';
import type { PrimaryKey } from '../table-keys.ts';

/** In `tenancy`: an operator's stop of one workspace, or of the stage. It is there while the stop lasts. */
export const stopKey = (workspaceId: WorkspaceId | undefined): PrimaryKey => ({
  pk: `STOP#${workspaceId ?? 'stage'}`,
  sk: 'STOP',
});
