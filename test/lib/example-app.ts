import { readFileSync } from 'node:fs';
import { App } from 'aws-cdk-lib/core';
import { z } from 'zod';
import { createStacks } from '../../lib/create-stacks.ts';
import { readStageConfig } from '../../lib/stage-config.ts';
import type { ExampleOptions } from './synthesized.ts';

const cdkJson = z
  .object({ context: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')));

const stages = z.record(z.string(), z.record(z.string(), z.unknown()));

/**
 * The live CDK app as `cdk synth` builds it from cdk.json, without an account and after its first deployment
 * (`deletionProtection`). For tests that change constructs or run
 * rules on them; tests that only read templates take the cached `exampleApp` of synthesized.ts.
 */
export const liveExampleApp = ({
  bundled = false,
  stage = 'dev',
  settings = {},
}: ExampleOptions & { readonly bundled?: boolean } = {}) => {
  const example = stages.parse(cdkJson.context['stages'])[stage];
  const app = new App({
    context: {
      ...cdkJson.context,
      stage,
      stages: { [stage]: { ...example, deletionProtection: true, ...settings } },
      ...(bundled ? {} : { 'aws:cdk:bundling-stacks': [] }),
      // Construct paths in the templates, as the CLI asks for them; the names in these tests come from there.
      'aws:cdk:enable-path-metadata': true,
    },
  });
  const stacks = createStacks(app, readStageConfig(app), { account: undefined, region: undefined });
  return { app, ...stacks };
};
