import type {
  KeysEnvironment,
  ManageEnvironment,
  TokenEnvironment,
} from '../lambdas/contract/environment.ts';
import { KMS_KEYS } from '../lambdas/contract/kms-keys.ts';
import { TABLES } from '../lambdas/contract/tables.ts';
import type { DataStack } from './data-stack.ts';
import type { StageConfig } from './stage-config.ts';

/**
 * Set by Lambda, set by the local run alone, or left at its default: a deployment sends keys to OpenAI and nowhere
 * else.
 */
type NotDeployed =
  | 'AWS_REGION'
  | 'AWS_ENDPOINT_URL_DYNAMODB'
  | 'AWS_ENDPOINT_URL_KMS'
  | 'OPENAI_BASE_URL'
  | 'OPENAI_TIMEOUT_MS';

type Deployed<Environment> = Readonly<Record<Exclude<keyof Environment, NotDeployed>, string>>;

/** The variables of each function: exactly those that its code parses at start. Names and limits, no secret. */
export interface FunctionEnvironments {
  readonly token: Deployed<TokenEnvironment>;
  readonly keys: Deployed<KeysEnvironment>;
  readonly manage: Deployed<ManageEnvironment>;
}

export const functionEnvironments = (
  config: StageConfig,
  { tables, keys }: DataStack,
): FunctionEnvironments => {
  const shared = {
    STAGE: config.stage,
    [TABLES.tenancy.variable]: tables.tenancy.tableName,
    [TABLES.keys.variable]: tables.keys.tableName,
    [TABLES.sessions.variable]: tables.sessions.tableName,
    [TABLES.limits.variable]: tables.limits.tableName,
    OIDC_ISSUER: config.oidcIssuer,
    OIDC_AUDIENCE: config.oidcAudience,
  };
  return {
    token: {
      ...shared,
      [KMS_KEYS.master.variable]: keys.master.keyArn,
      [KMS_KEYS.derivation.variable]: keys.derivation.keyArn,
      IP_LIMIT_PER_MINUTE: String(config.rateLimits.perIpPerMinute),
      IP_LIMIT_PER_SECOND: String(config.rateLimits.perIpPerSecond),
      SITE_LIMIT_PER_MINUTE: String(config.rateLimits.perSitePerMinute),
    },
    keys: {
      ...shared,
      [KMS_KEYS.master.variable]: keys.master.keyArn,
      [KMS_KEYS.fingerprint.variable]: keys.fingerprint.keyArn,
    },
    manage: shared,
  };
};
