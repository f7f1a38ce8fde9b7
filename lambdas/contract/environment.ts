import * as z from 'zod';

/**
 * The environment of each deployed function. Parsed once at start, all faults at once, values never printed. Nothing
 * here is a secret: secrets come from KMS.
 */

const tableName = z.string().min(3);
const kmsArn = z.string().startsWith('arn:');

/**
 * Only the operator's own environment chooses where keys are sent, never a request or a stored field: OpenAI, or this
 * machine for the local run.
 */
export const openAiBaseUrl = z
  .string()
  .regex(
    /^(?:https:\/\/(?:[a-z]{2}\.)?api\.openai\.com|http:\/\/(?:127\.0\.0\.1|localhost):\d{1,5})\/v1$/,
    'Must be https://api.openai.com/v1, one of its regional hosts, or http://127.0.0.1:<port>/v1.',
  )
  .default('https://api.openai.com/v1');

const shared = {
  /** Names the deployment in logs and metrics. */
  STAGE: z.string().regex(/^[a-z][a-z0-9-]{0,19}$/),
  /** Set by Lambda itself. */
  AWS_REGION: z.string(),
  TENANCY_TABLE: tableName,
  KEYS_TABLE: tableName,
  SESSIONS_TABLE: tableName,
  LIMITS_TABLE: tableName,
  /** Issuer of the access tokens; its discovery document names the JWKS. */
  OIDC_ISSUER: z.url(),
  OIDC_AUDIENCE: z.string().min(1),
  /** The AWS SDK's own variables; set by the local run only. */
  AWS_ENDPOINT_URL_DYNAMODB: z.url().optional(),
  AWS_ENDPOINT_URL_KMS: z.url().optional(),
};

const limit = (fallback: number) => z.coerce.number().int().min(1).max(1_000_000).default(fallback);

export const tokenEnvironment = z.object({
  ...shared,
  MASTER_KEY_ARN: kmsArn,
  DERIVATION_KEY_ARN: kmsArn,
  OPENAI_BASE_URL: openAiBaseUrl,
  OPENAI_TIMEOUT_MS: z.coerce.number().int().min(500).max(20_000).default(8_000),
  IP_LIMIT_PER_MINUTE: limit(60),
  IP_LIMIT_PER_SECOND: limit(20),
  SITE_LIMIT_PER_MINUTE: limit(200),
});

export const keysEnvironment = z.object({
  ...shared,
  MASTER_KEY_ARN: kmsArn,
  FINGERPRINT_KEY_ARN: kmsArn,
  OPENAI_BASE_URL: openAiBaseUrl,
});

export const manageEnvironment = z.object(shared);

export type TokenEnvironment = z.infer<typeof tokenEnvironment>;
export type KeysEnvironment = z.infer<typeof keysEnvironment>;
export type ManageEnvironment = z.infer<typeof manageEnvironment>;

export const ENVIRONMENTS = {
  token: tokenEnvironment,
  keys: keysEnvironment,
  manage: manageEnvironment,
} as const;

/** The parsed environment. Throws one error that names every faulty variable and no value. */
export const parseEnvironment = <Schema extends z.ZodType>(
  schema: Schema,
  variables: Readonly<Record<string, string | undefined>>,
): z.infer<Schema> => {
  const parsed = schema.safeParse(variables);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join('.')}: ${message}`);
  throw new Error(`The environment is not valid. ${faults.join('; ')}`);
};
