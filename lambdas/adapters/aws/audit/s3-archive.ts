import { createHash } from 'node:crypto';
import { PutObjectCommand, S3Client, S3ServiceException } from '@aws-sdk/client-s3';
import type { CallObserver } from '../../../domain/call-observer.ts';
import type { AuditArchive } from '../../../use-cases/ports/audit.ts';
import { callAws, callLimits, observeCalls } from '../aws-calls.ts';

/** Like the clients in clients.ts, but in a separate file, so that only the archiver's bundle contains S3. */
export const s3Client = (
  environment: { readonly AWS_REGION: string; readonly AWS_ENDPOINT_URL_S3?: string | undefined },
  calls?: CallObserver,
): S3Client => {
  const client = new S3Client({
    region: environment.AWS_REGION,
    ...callLimits(),
    // A host name per bucket needs DNS, which the local server does not have.
    ...(environment.AWS_ENDPOINT_URL_S3 !== undefined && {
      endpoint: environment.AWS_ENDPOINT_URL_S3,
      forcePathStyle: true,
    }),
  });
  observeCalls(client, 's3', calls);
  return client;
};

/**
 * Puts an object under an unused name. Returns false, without changes, if the name is taken. The bucket policy refuses every other
 * put. S3 checks the body against a SHA-256, which a bucket with Object Lock requires anyway.
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html
 */
export const putNew = (
  s3: S3Client,
  object: { readonly Bucket: string; readonly Key: string; readonly Body: string },
): Promise<boolean> =>
  callAws('s3', 'PutObject', async () => {
    try {
      await s3.send(
        new PutObjectCommand({
          ...object,
          ContentType: 'application/x-ndjson',
          ChecksumAlgorithm: 'SHA256',
          IfNoneMatch: '*',
        }),
      );
      return true;
    } catch (error) {
      if (error instanceof S3ServiceException && error.name === 'PreconditionFailed') return false;
      throw error;
    }
  });

/** `<first>-<last>-<16 hex characters of the lines' SHA-256>.ndjson` */
const otherName = (name: string, lines: string): string =>
  name.replace(
    /\.ndjson$/,
    `-${createHash('sha256').update(lines, 'utf8').digest('hex').slice(0, 16)}.ndjson`,
  );

/**
 * The archive of the audit trail. It can only create objects. A name is taken if a batch was delivered again, or if another
 * principal used it. The archiver cannot read which, so it writes the rows under another name too, and no row is left out.
 */
export const s3Archive = (s3: S3Client, bucket: string): AuditArchive => ({
  put: async (name, lines) => {
    const object = { Bucket: bucket, Body: lines };
    if (!(await putNew(s3, { ...object, Key: name })))
      await putNew(s3, { ...object, Key: otherName(name, lines) });
  },
});
