import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { AuditRow } from '../../domain/audit-record.ts';
import type { CallWatch } from '../../domain/dependency.ts';
import type { AuditArchive } from '../../use-cases/ports.ts';
import { callAws, callLimits, watchCalls } from './aws-calls.ts';
import { primaryKey, wholeAuditRow } from './items.ts';

/** As the clients of clients.ts; apart from them, so that only the archiver's bundle carries S3. */
export const s3Client = (
  environment: { readonly AWS_REGION: string; readonly AWS_ENDPOINT_URL_S3?: string | undefined },
  calls?: CallWatch,
): S3Client => {
  const client = new S3Client({
    region: environment.AWS_REGION,
    ...callLimits(),
    // A host per bucket needs DNS, which the local run does not have.
    ...(environment.AWS_ENDPOINT_URL_S3 !== undefined && {
      endpoint: environment.AWS_ENDPOINT_URL_S3,
      forcePathStyle: true,
    }),
  });
  watchCalls(client, 's3', calls);
  return client;
};

/**
 * The archive of the audit trail. Puts objects and can do nothing else with them. S3 checks each against a SHA-256,
 * which a bucket with Object Lock demands anyway and which stays with the object.
 */
export const s3Archive = (s3: S3Client, bucket: string): AuditArchive => ({
  put: async (name, lines) => {
    await callAws('s3', 'PutObject', () =>
      s3.send(
        new PutObjectCommand({
          Bucket: bucket,
          Key: name,
          Body: lines,
          ContentType: 'application/x-ndjson',
          ChecksumAlgorithm: 'SHA256',
        }),
      ),
    );
  },
});

const AUDIT_ROWS = primaryKey.auditRow('', 0).pk;

/**
 * The audit row that a record of the audit table's stream has added; undefined for markers. Throws on a row that it
 * cannot read. A row that was changed or removed, which nobody may do, gives nothing: the archive keeps what it was.
 */
export const auditRowOf = (record: DynamoDBRecord): AuditRow | undefined => {
  const pk = record.dynamodb?.Keys?.['pk']?.S ?? '';
  if (!pk.startsWith(AUDIT_ROWS) || record.eventName !== 'INSERT') return undefined;
  // Strictly: what cannot be archived as it was written belongs in the dead-letter queue.
  return wholeAuditRow.parse(unmarshall((record.dynamodb?.NewImage ?? {}) as Record<string, AttributeValue>));
};
