import { tampering } from '../../domain/anomalies/tampering.ts';
import { explains, type TenancyChange } from '../../domain/audit/explained-change.ts';
import type { OutboxReader } from '../ports/audit.ts';
import type { Clock } from '../ports/runtime.ts';
import { reportTampering, type TamperingPorts } from './report-tampering.ts';

/**
 * How much older than the stream's record an event may be, seconds: an event gets its time before the write is tried, and a
 * write is tried again. An older one explains an older change of the same item.
 */
const OLDEST_SECONDS = 120;
/** A restore writes its event before it copies a workspace, which may take hours. */
const OLDEST_RESTORE_SECONDS = 6 * 3_600;

/**
 * Reports a change that no audit event of its writer explains. The event is written in the same transaction, so it is there when
 * the change is in the stream.
 */
export const explainChange =
  (ports: TamperingPorts & { readonly clock: Clock; readonly outbox: OutboxReader }) =>
  async (change: TenancyChange, at: Date, record: string): Promise<void> => {
    const { workspaceId, siteId, subject, explanations } = change;
    const changedAtMs = Math.min(at.getTime(), ports.clock().getTime());
    for (const writer of new Set(explanations.map((explanation) => explanation.writer))) {
      const seconds = writer === 'restore' ? OLDEST_RESTORE_SECONDS : OLDEST_SECONDS;
      const events = await ports.outbox.eventsSince(
        writer,
        workspaceId,
        new Date(changedAtMs - seconds * 1_000),
      );
      const own = explanations.filter((explanation) => explanation.writer === writer);
      if (events.some((event) => own.some((explanation) => explains(explanation, event)))) return;
    }
    await reportTampering(ports)(
      tampering(
        { kind: 'unexplained_change', workspaceId, siteId, subject, at: ports.clock().toISOString() },
        record,
      ),
    );
  };
