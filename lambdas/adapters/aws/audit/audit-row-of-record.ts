import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { AuditRow } from '../../../domain/audit/audit-record.ts';
import { primaryKey } from '../table-keys.ts';
import { wholeAuditRow } from './audit-items.ts';

const AUDIT_ROWS = primaryKey.auditRow('', 0).pk;

/**
 * The audit row that a record of the audit table's stream has added; undefined for markers. Throws on a row that it
 * cannot read. A changed or removed row, which no role may cause, gives undefined: the archive keeps the original.
 */
export const auditRowOf = (record: DynamoDBRecord): AuditRow | undefined => {
  const pk = record.dynamodb?.Keys?.['pk']?.S ?? '';
  if (!pk.startsWith(AUDIT_ROWS) || record.eventName !== 'INSERT') return undefined;
  // Strict, because a row that cannot be archived unchanged belongs in the dead-letter queue.
  return wholeAuditRow.parse(unmarshall((record.dynamodb?.NewImage ?? {}) as Record<string, AttributeValue>));
};
