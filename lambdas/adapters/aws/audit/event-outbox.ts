import type { TransactWriteCommandInput } from '@aws-sdk/lib-dynamodb';
import type { AuditEvent } from '../../../domain/audit/audit-record.ts';
import { primaryKey } from '../table-keys.ts';

export type TransactWrite = NonNullable<TransactWriteCommandInput['TransactItems']>[number];

/** How long an event stays in the outbox, seconds. The projector has it after a moment; the audit trail keeps it. */
const OUTBOX_SECONDS = 30 * 86_400;

/** Puts an audit event beside the change that it tells of. It can be written once only. */
export const eventPut = (tenancyTable: string, event: AuditEvent): TransactWrite => ({
  Put: {
    TableName: tenancyTable,
    Item: {
      ...primaryKey.event(event.workspaceId, event.eventId),
      ...event,
      expires_at: Math.floor(Date.parse(event.at) / 1_000) + OUTBOX_SECONDS,
    },
    ConditionExpression: 'attribute_not_exists(pk)',
  },
});
