import { randomUUID } from 'node:crypto';
import { gzipSync } from 'node:zlib';
import type { KmsCall } from '../../local/kms/server.ts';
import type { TestStack } from './stack.ts';

const ACCOUNT = '000000000000';

/** A CloudTrail record of a KMS call. A refused call has neither resources nor, often, parameters. */
export const kmsRecord = (call: KmsCall, eventTime: string) => ({
  eventVersion: '1.11',
  userIdentity: {
    type: 'AssumedRole',
    arn: `arn:aws:sts::${ACCOUNT}:assumed-role/spelo-byok-token/session`,
    accountId: ACCOUNT,
  },
  eventTime,
  eventSource: 'kms.amazonaws.com',
  eventName: call.operation,
  requestParameters:
    call.encryptionContext === undefined ? null : { encryptionContext: call.encryptionContext },
  requestID: call.requestId,
  eventID: randomUUID(),
  resources:
    call.keyArn === undefined ? null : [{ accountId: ACCOUNT, type: 'AWS::KMS::Key', ARN: call.keyArn }],
  eventType: 'AwsApiCall',
  ...(call.errorName !== undefined && { errorCode: call.errorName }),
});

export type TrailRecord = ReturnType<typeof kmsRecord>;

/** The CloudTrail of the local stack. It delivers the calls of the local KMS to the bucket of the trail. */
export class LocalTrail {
  readonly #stack: TestStack;
  #delivered = 0;

  constructor(stack: TestStack) {
    this.#stack = stack;
  }

  /** Calls that have not been delivered, as records of this time. They count as delivered. */
  pending(at: Date): TrailRecord[] {
    const calls = this.#stack.kms.calls.slice(this.#delivered);
    this.#delivered += calls.length;
    return calls.map((call) => kmsRecord(call, at.toISOString()));
  }

  /** Puts a zipped file with `records` at the key that CloudTrail uses at `at`. */
  deliver(records: readonly TrailRecord[], at: Date, region = 'us-east-1'): void {
    const [day = '', time = ''] = at.toISOString().split('T');
    const minute = `${day.replaceAll('-', '')}T${time.slice(0, 5).replace(':', '')}Z`;
    const folder = `AWSLogs/${ACCOUNT}/CloudTrail/${region}/${day.replaceAll('-', '/')}`;
    const name = `${ACCOUNT}_CloudTrail_${region}_${minute}_${randomUUID().slice(0, 16)}.json.gz`;
    this.put(`${folder}/${name}`, gzipSync(JSON.stringify({ Records: records })));
    // The digests are next to the logs, and are not logs.
    this.put(
      `AWSLogs/${ACCOUNT}/CloudTrail-Digest/${region}/${minute}_${randomUUID()}.json.gz`,
      gzipSync('{}'),
    );
  }

  put(key: string, body: Buffer | string): void {
    this.#stack.s3.write(this.#stack.variables['TRAIL_BUCKET'] ?? '', key, body);
  }
}
