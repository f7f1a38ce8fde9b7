import type { CallId } from '../../../domain/calls/call.ts';
import type { SessionId, WorkspaceId } from '../../../domain/identifiers.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';

/** Primary keys of the items that only calls have. docs/data-model.md shows them as a table. */
export const callKey = {
  /** In `limits`: one running session. */
  live: (workspaceId: WorkspaceId, sessionId: SessionId): PrimaryKey => ({
    pk: `LIVE#${workspaceId}`,
    sk: sessionId,
  }),
  /** In `sessions`: the session of a call, to find it by OpenAI's id. Only its own workspace can. */
  call: (workspaceId: WorkspaceId, callId: CallId): PrimaryKey => ({ pk: `CALL#${callId}`, sk: workspaceId }),
  /** In `sessions`: one opening of a key for a call. */
  use: (sessionId: SessionId, useId: string): PrimaryKey => ({ pk: `USE#${sessionId}`, sk: useId }),
  /** In `keys`: a shredded version that may still hang up its own calls for one minute. */
  ending: (scope: string, scopeId: string, version: number): PrimaryKey => ({
    pk: `ENDING#${scope}#${scopeId}`,
    sk: primaryKey.keyVersion(scope, scopeId, version).sk,
  }),
} as const;
