import { fromEnv } from '@aws-sdk/credential-provider-env';

/**
 * The credentials that Lambda sets in a function's environment, and no others. Bundles use it in place of
 * `@aws-sdk/credential-provider-node` (lib/constructs/broker-function.ts), which also looks in files, in SSO and at other
 * hosts, and is a tenth of a bundle.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html#configuration-envvars-runtime
 *
 * @throws CredentialsProviderError with each call if the environment has no credentials.
 */
export const defaultProvider = () => fromEnv();
