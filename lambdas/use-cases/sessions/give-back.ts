import type { OpenAiFailure } from '../../domain/openai-failure.ts';
import { entryOf } from '../../domain/sessions/session-usage.ts';
import type { LiveSessions } from '../ports/calls.ts';
import type { Clock } from '../ports/runtime.ts';
import type { SessionLog, SessionUsageStore, SlotLeases } from '../ports/sessions.ts';
import type { Admitted } from './admit-session.ts';

export interface GiveBackPorts {
  readonly clock: Clock;
  readonly sessions: Pick<SessionLog, 'settle'>;
  readonly slots: Pick<SlotLeases, 'release'>;
  readonly sessionUsage: Pick<SessionUsageStore, 'saveUsage'>;
  readonly live: Pick<LiveSessions, 'removeLive'>;
}

/** Marks the session refused, and releases its admission. Best effort: leases expire, and silent sessions are closed. */
export const giveBack = async (
  ports: GiveBackPorts,
  admitted: Admitted,
  refusal: string,
  facts: {
    readonly kmsRequestId?: string | undefined;
    readonly openAiFailure?: OpenAiFailure | undefined;
  } = {},
): Promise<void> => {
  const { clock, sessions } = ports;
  const { kmsRequestId, openAiFailure } = facts;
  await Promise.allSettled([
    sessions.settle(admitted.session, {
      state: 'refused',
      at: clock().toISOString(),
      refusal,
      ...(kmsRequestId !== undefined && { kmsRequestId }),
      ...(openAiFailure !== undefined && { openAiFailure: openAiFailure.reason }),
      ...(openAiFailure?.requestId !== undefined && { openAiRequestId: openAiFailure.requestId }),
    }),
    freeCapacity(ports, admitted),
  ]);
};

/** Releases slots, minutes and the live entry. Best effort, like giveBack. */
export const freeCapacity = async (
  { slots, sessionUsage, live }: Omit<GiveBackPorts, 'clock' | 'sessions'>,
  { session, leases, usage }: Admitted,
): Promise<void> => {
  await Promise.allSettled([
    slots.release(session.workspaceId, leases),
    live.removeLive(session.workspaceId, session.sessionId),
    // Its first revision was written with the reservation.
    usage && sessionUsage.saveUsage({ ...usage, revision: 1, posted: entryOf(usage), silent: true }),
  ]);
};
