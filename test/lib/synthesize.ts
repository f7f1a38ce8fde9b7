import { rmSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import type { SynthesizedStack } from './synthesized.ts';

/**
 * `node test/lib/synthesize.ts`: answers each POST of options as JSON with the stacks of `exampleApp` for them, and prints its
 * port. One process for all tests, because the rules of the CDK take six seconds of CPU for the first app and one for each
 * later one. A separate one, so that tests which find the stacks in the cache never load the CDK.
 */
const synthesize = async (options: string): Promise<string> => {
  const { Stack } = await import('aws-cdk-lib/core');
  const { liveExampleApp } = await import('./example-app.ts');
  const { app } = liveExampleApp(JSON.parse(options));
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
  rmSync(assembly.directory, { recursive: true });
  return JSON.stringify(stacks);
};

const server = createServer((request, response) => {
  text(request)
    .then(synthesize)
    .then(
      (stacks) => response.writeHead(200).end(stacks),
      (error) => response.writeHead(500).end(error instanceof Error ? error.stack : String(error)),
    );
});
server.listen(0, '127.0.0.1', () => {
  process.stdout.write(`${(server.address() as AddressInfo).port}\n`);
});
