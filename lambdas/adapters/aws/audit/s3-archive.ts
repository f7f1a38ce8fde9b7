import { PutObjectCommand, S3Client } from '@aws-sdk/client-s3';
import type { CallObserver } from '../../../domain/call-observer.ts';
import type { AuditArchive } from '../../../use-cases/ports/audit.ts';
import { callAws, callLimits, observeCalls } from '../aws-calls.ts';

/** As the clients of clients.ts; apart from them, so that only the archiver's bundle carries S3. */
export const s3Client = (
  environment: { readonly AWS_REGION: string; readonly AWS_ENDPOINT_URL_S3?: string | undefined },
  calls?: CallObserver,
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
  observeCalls(client, 's3', calls);
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
