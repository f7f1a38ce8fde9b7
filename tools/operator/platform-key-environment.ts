import { ENVIRONMENTS } from '../../lambdas/contract/environment.ts';

/** The variables of `npm run platform-key`. The deployment passes the same ones. */
export const platformKeyEnvironment = ENVIRONMENTS.keys.pick({
  AWS_REGION: true,
  TENANCY_TABLE: true,
  KEYS_TABLE: true,
  KEY_RETENTION_HOURS: true,
  MASTER_KEY_ARN: true,
  FINGERPRINT_KEY_ARN: true,
  MARKS_KEY_ARN: true,
  OPENAI_BASE_URL: true,
  AWS_ENDPOINT_URL_DYNAMODB: true,
  AWS_ENDPOINT_URL_KMS: true,
  LIMITS_TABLE: true,
  HANGUP_QUEUE_URL: true,
  AWS_ENDPOINT_URL_SQS: true,
});

/** Exit status of `npm run platform-key -- --state` for a suspended key. */
export const SUSPENDED = 4;
