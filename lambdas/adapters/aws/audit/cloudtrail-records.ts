import * as z from 'zod';
import type { DecryptCall } from '../../../domain/audit/decrypt-call.ts';

/**
 * The fields that are read of a record:
 * https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
 * A refused call may have no parameters and no resources.
 */
const kmsRecord = z.object({
  eventSource: z.literal('kms.amazonaws.com'),
  eventName: z.literal('Decrypt'),
  eventID: z.string(),
  eventTime: z.string(),
  requestID: z.string().nullish(),
  errorCode: z.string().nullish(),
  userIdentity: z.object({ arn: z.string().nullish() }).nullish(),
  requestParameters: z
    .object({
      keyId: z.string().nullish(),
      encryptionContext: z.record(z.string(), z.string()).nullish(),
    })
    .nullish(),
  resources: z.array(z.object({ ARN: z.string().nullish() })).nullish(),
});

const logFile = z.object({ Records: z.array(z.unknown()) });
const anyDecrypt = z.object({
  eventSource: z.literal('kms.amazonaws.com'),
  eventName: z.literal('Decrypt'),
});

/**
 * The Decrypt calls of one log file; everything else in it is skipped. Throws on a file that is not a CloudTrail log, and
 * on a Decrypt that it cannot read, because a skipped Decrypt would go unnoticed.
 */
export const parseCloudTrail = (text: string): DecryptCall[] =>
  logFile.parse(JSON.parse(text)).Records.flatMap((raw) => {
    if (!anyDecrypt.safeParse(raw).success) return [];
    const record = kmsRecord.parse(raw);
    return [
      {
        requestId: record.requestID ?? '',
        eventId: record.eventID,
        at: record.eventTime,
        // A refused call may have no resources, but it has the requested key.
        keyArns: [record.requestParameters?.keyId, ...(record.resources ?? []).map(({ ARN }) => ARN)].filter(
          (arn) => typeof arn === 'string',
        ),
        encryptionContext: record.requestParameters?.encryptionContext ?? {},
        errorCode: record.errorCode ?? undefined,
        principal: record.userIdentity?.arn ?? undefined,
      },
    ];
  });
