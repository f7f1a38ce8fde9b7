import { App } from 'aws-cdk-lib/core';
import { createStacks } from '../lib/create-stacks.ts';
import { readStageConfig } from '../lib/stage-config.ts';

const app = new App();
createStacks(app, readStageConfig(app), {
  // Set by the CLI from the operator's credentials; without them the templates fit any account and region.
  account: process.env['CDK_DEFAULT_ACCOUNT'],
  region: process.env['CDK_DEFAULT_REGION'],
});
