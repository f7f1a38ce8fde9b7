import type { EndedBy } from '../../domain/calls/call.ts';
import type { CallRecords, EndScope, HangUpQueue, LiveSession, LiveSessionReader } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';

export interface EndScopePorts {
  readonly clock: Clock;
  readonly live: LiveSessionReader;
  readonly records: Pick<CallRecords, 'requestEnd'>;
  readonly hangUps: HangUpQueue;
}

const reservesSince = (since: string | undefined, { turnByTurn, startedAt }: LiveSession): boolean =>
  since !== undefined && turnByTurn === true && startedAt >= since;

const isIn = (scope: EndScope, live: LiveSession): boolean => {
  if ('all' in scope) return true;
  if ('ownKeys' in scope)
    return (
      live.mode === 'byok' &&
      (scope.siteId === null || live.siteId === scope.siteId) &&
      !reservesSince(scope.reservingSince, live)
    );
  if ('siteId' in scope) return live.siteId === scope.siteId;
  return (
    live.keyScope === scope.keyScope &&
    live.keyScopeId === scope.keyScopeId &&
    (scope.fingerprint === undefined || live.fingerprint === scope.fingerprint)
  );
};

/** The live calls of a scope, without sessions of client secrets, which nobody can end. */
export const callsIn = async (
  live: LiveSessionReader,
  scope: EndScope,
  now: Date,
): Promise<readonly LiveSession[]> =>
  (await live.listLive(scope.workspaceId, now)).filter(
    (session) => session.openedWith === 'call' && isIn(scope, session),
  );

/** Number of calls that are marked and queued in parallel. */
const AT_ONCE = 25;

/**
 * The kill switch: marks every live call of the scope as to be ended, including those that are being opened, and
 * queues one hang-up for each. Repeating it changes nothing.
 */
export const endScope =
  ({ clock, live, records, hangUps }: EndScopePorts) =>
  async (scope: EndScope, by: EndedBy): Promise<number> => {
    const calls = await callsIn(live, scope, clock());
    for (let first = 0; first < calls.length; first += AT_ONCE)
      await Promise.all(
        calls.slice(first, first + AT_ONCE).map(async ({ siteId, sessionId }) => {
          // First the mark, so that hop 4 cannot hand the call out any more.
          if (await records.requestEnd(siteId, sessionId, by))
            await hangUps.send({ kind: 'end', siteId, sessionId, by });
        }),
      );
    return calls.length;
  };
