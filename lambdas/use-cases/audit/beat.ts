import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import { HEARTBEAT_CHAIN } from '../../domain/audit/heartbeat.ts';
import { clockMinuteOf } from '../../domain/time.ts';
import type { Outbox } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';

/**
 * Puts the heartbeat of this minute into the outbox. It passes the projector, the detector and the archiver like the events of customers,
 * in a chain that belongs to no customer. Twice in a minute: ConflictError.
 */
export const beat =
  ({ clock, outbox }: { readonly clock: Clock; readonly outbox: Outbox }) =>
  async (): Promise<void> => {
    const now = clock();
    const event: AuditEvent = {
      eventId: `hbt_${clockMinuteOf(now)}`,
      workspaceId: HEARTBEAT_CHAIN,
      type: 'service.heartbeat',
      at: now.toISOString(),
      actor: 'system:heartbeat',
      siteId: null,
      sessionId: null,
      ipHash: null,
      facts: {},
    };
    await outbox.put(event);
  };
