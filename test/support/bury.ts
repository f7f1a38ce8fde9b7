import { randomBytes } from 'node:crypto';
import { DynamoDBClient } from '@aws-sdk/client-dynamodb';
import { BatchWriteCommand, DynamoDBDocumentClient, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { dynamoDbAudit } from '../../lambdas/adapters/aws/audit/dynamodb-audit.ts';
import { eventPut } from '../../lambdas/adapters/aws/audit/event-outbox.ts';
import { primaryKey } from '../../lambdas/adapters/aws/table-keys.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import { type AuditEvent, chainRow } from '../../lambdas/domain/audit/audit-record.ts';
import type { TestStack } from './stack.ts';
import type { Tenant } from './tenant.ts';

const eventOf = (tenant: Tenant, type: AuditEvent['type'], facts: AuditEvent['facts']): AuditEvent => ({
  eventId: `evt_${randomBytes(12).toString('hex')}`,
  workspaceId: tenant.workspaceId,
  type,
  at: new Date().toISOString(),
  actor: 'visitor',
  siteId: tenant.siteId,
  sessionId: null,
  ipHash: null,
  facts,
});

/** Puts an incident into the outbox, as the detector does, and waits until the projector has it. */
export const addIncident = async (stack: TestStack, tenant: Tenant): Promise<void> => {
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  const event = eventOf(tenant, 'anomaly.detected', {
    kind: 'burst',
    observed: 143,
    expected: 4,
    threshold: 30,
    window_seconds: 300,
    response: 'notify',
  });
  await DynamoDBDocumentClient.from(client).send(
    new TransactWriteCommand({ TransactItems: [eventPut(TABLES.tenancy.name, 'detector', event)] }),
  );
  client.destroy();
  await stack.streams.drain();
};

/** Adds this many sessions to the trail without the streams, as on a busy day. */
export const buryTrail = async (stack: TestStack, tenant: Tenant, count: number): Promise<void> => {
  const client = new DynamoDBClient({ region: 'us-east-1', endpoint: stack.dynamoDb.endpoint });
  const documents = DynamoDBDocumentClient.from(client);
  let head = await dynamoDbAudit(documents, TABLES.audit.name).readHead(tenant.workspaceId);
  // The hashes are not checked here; only the rows count.
  const rows = Array.from({ length: count }, () => {
    const row = chainRow(eventOf(tenant, 'session.issued', {}), head, Buffer.alloc(32));
    head = row;
    return { ...primaryKey.auditRow(tenant.workspaceId, row.sequence), ...row };
  });
  for (let from = 0; from < rows.length; from += 25)
    await documents.send(
      new BatchWriteCommand({
        RequestItems: {
          [TABLES.audit.name]: rows.slice(from, from + 25).map((Item) => ({ PutRequest: { Item } })),
        },
      }),
    );
  client.destroy();
};
