import type { EndedBy } from '../../domain/calls/call.ts';
import type { WorkspaceId } from '../../domain/identifiers.ts';
import type { KeyAddress } from '../../domain/keys/stored-key.ts';
import type { EndScope, HangUpQueue, LiveSessionReader } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';
import { callsIn } from './end-scope.ts';
import { queueScopeEnd } from './queue-scope-end.ts';

/** Ends the live calls of a scope. */
export interface CallEnder {
  /** Returns how many calls are being ended, as soon as the queue has the request. It can be repeated. */
  end(scope: EndScope, by: EndedBy): Promise<number>;
}

/** Ends calls through the queue: one message for the scope, which becomes one for each call. */
export const callEnder = ({
  clock,
  live,
  hangUps,
}: {
  readonly clock: Clock;
  readonly live: LiveSessionReader;
  readonly hangUps: HangUpQueue;
}): CallEnder => ({
  end: async (scope, by) => {
    const [calls] = await Promise.all([callsIn(live, scope, clock()), queueScopeEnd(hangUps, scope, by)]);
    return calls.length;
  },
});

/** The calls on any key that is stored at this scope. */
export const keyScopeOf = ({ scope, scopeId, workspaceId }: KeyAddress): EndScope => ({
  workspaceId: workspaceId as WorkspaceId,
  keyScope: scope,
  keyScopeId: scopeId,
  fingerprint: undefined,
});
