import type { AuditEvent } from '../domain/audit-record.ts';
import { newEventId, type RandomBytes } from '../domain/identifiers.ts';
import type { Clock, Deriver, Journal } from './ports.ts';

/** Events of people: `at` is now, `from` a keyed hash of their address. */
export const journal = (ports: {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly deriver: Pick<Deriver, 'hashIp'>;
}): Journal => ({
  event: async (caller, type, { workspaceId, siteId, facts }): Promise<AuditEvent> => {
    const now = ports.clock();
    return {
      eventId: newEventId(now, ports.random),
      workspaceId,
      type,
      at: now.toISOString(),
      actor: caller.sub,
      siteId: siteId ?? null,
      sessionId: null,
      ipHash: await ports.deriver.hashIp(caller.sourceIp, now),
      facts: facts ?? {},
    };
  },
});
