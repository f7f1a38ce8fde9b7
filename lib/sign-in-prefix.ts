import type { CognitoPool } from './stage-config.ts';

/**
 * The prefix of the pool's sign-in page. All customers of AWS share the prefixes of a region, so the default ends in the
 * id of the account, which nobody else has. `account` may be a reference that CloudFormation resolves.
 */
export const signInPrefix = (stage: string, { domainPrefix }: CognitoPool, account: string): string =>
  domainPrefix ?? `spelo-byok-${stage}-${account}`;
