import { SQSClient } from '@aws-sdk/client-sqs';
import type { LocalSqs } from '../../../local/sqs/server.ts';

/** The real client of AWS, which tries once, so that each test sees the first answer. */
export const clientOf = ({ endpoint }: Pick<LocalSqs, 'endpoint'>): SQSClient =>
  new SQSClient({
    endpoint,
    region: 'us-east-1',
    credentials: { accessKeyId: 'local', secretAccessKey: 'local' },
    maxAttempts: 1,
  });
