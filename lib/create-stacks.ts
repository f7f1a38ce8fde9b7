import { type App, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { ApiStack } from './api-stack.ts';
import { AuditStack } from './audit-stack.ts';
import { DataStack } from './data-stack.ts';
import type { StageConfig } from './stage-config.ts';

/** Where to deploy; undefined fields leave the templates free of an account or a region. */
export interface Target {
  readonly account: string | undefined;
  readonly region: string | undefined;
}

/**
 * The stacks of one stage. Synthesis fails while a rule of AWS Solutions is broken and not acknowledged with a reason.
 *
 * The other stacks refer to the data stack weakly (`@aws-cdk/core:defaultCrossStackReferences` in cdk.json): they read
 * the outputs of the deployed stack instead of importing exports, and an export in use can be neither changed nor
 * removed. What strong references would protect is protected where it matters: every table and key is retained.
 */
export const createStacks = (
  app: App,
  config: StageConfig,
  { account, region }: Target,
): { readonly data: DataStack; readonly api: ApiStack; readonly audit: AuditStack } => {
  const env = { ...(account === undefined ? {} : { account }), ...(region === undefined ? {} : { region }) };
  const common = { env, config, terminationProtection: true };
  const data = new DataStack(app, `spelo-byok-${config.stage}-data`, common);
  const api = new ApiStack(app, `spelo-byok-${config.stage}-api`, { ...common, data });
  const audit = new AuditStack(app, `spelo-byok-${config.stage}-audit`, { ...common, data });
  Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
  return { data, api, audit };
};
