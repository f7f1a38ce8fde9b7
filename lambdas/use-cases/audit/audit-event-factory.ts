import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import { newEventId, type RandomBytes } from '../../domain/identifiers.ts';
import type { AuditEventFactory } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import type { PseudonymService } from '../ports/sessions.ts';

/** Events of people and API tokens: `at` is the current time, `from` a keyed hash of their address. */
export const auditEventFactory = (ports: {
  readonly clock: Clock;
  readonly random: RandomBytes;
  readonly pseudonyms: Pick<PseudonymService, 'hashIp'>;
}): AuditEventFactory => ({
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
      ipHash: await ports.pseudonyms.hashIp(caller.sourceIp, now),
      facts: { ...facts, ...(caller.token !== undefined && { token_name: caller.token.name }) },
    };
  },
});
