import { tampering } from '../../domain/anomalies/tampering.ts';
import type { AuditEvent } from '../../domain/audit/audit-record.ts';
import type { Clock } from '../ports/runtime.ts';
import { reportTampering, type TamperingPorts } from './report-tampering.ts';

/** Reports an audit event in the partition of a writer who may not write it. The trail has no row of it. */
export const reportForeignEvent =
  (ports: TamperingPorts & { readonly clock: Clock }) =>
  async ({
    writer,
    workspaceId,
    event,
  }: {
    readonly writer: string;
    readonly workspaceId: string;
    readonly event: AuditEvent;
  }): Promise<void> =>
    reportTampering(ports)(
      tampering(
        {
          kind: 'foreign_event',
          workspaceId,
          siteId: null,
          subject: `event ${event.type}`,
          at: ports.clock().toISOString(),
        },
        writer,
        event.eventId,
      ),
    );
