import { Stack } from 'aws-cdk-lib/core';
import { liveExampleApp } from './example-app.ts';
import type { ExampleOptions, SynthesizedStack } from './synthesized.ts';

/**
 * `node test/lib/synthesize.ts OPTIONS`: writes the stacks of `exampleApp(OPTIONS)` to stdout as JSON. A separate
 * process, so that tests which find the stacks in the cache never load the CDK.
 */
const options: ExampleOptions = JSON.parse(process.argv[2] ?? '{}');
const { app } = liveExampleApp(options);
const assembly = app.synth();
const stacks = app.node.children
  .filter((child) => Stack.isStack(child))
  .map(
    (stack): SynthesizedStack => ({
      stackName: stack.stackName,
      region: stack.region,
      terminationProtection: stack.terminationProtection === true,
      template: assembly.getStackArtifact(stack.artifactId).template,
    }),
  );
process.stdout.write(JSON.stringify(stacks));
