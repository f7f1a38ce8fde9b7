import { expect, test } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { Stack } from 'aws-cdk-lib/core';
import { z } from 'zod';
import { EXAMPLE_STAGES, exampleApp } from './synthesized.ts';

/**
 * Every resource of both example stages, whole. A change of the templates shows here line by line, for a reviewer to read;
 * `npm test -- test/lib/templates.test.ts -u` takes it over. Hashes of code are left out: they change with every line of it.
 */

const resources = z.record(
  z.string(),
  z.object({ Type: z.string(), Metadata: z.unknown().optional() }).loose(),
);

const withoutHashes = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value).replaceAll(/\b[0-9a-f]{64}\.(zip|json)/g, '<hash>.$1'));

const cases = EXAMPLE_STAGES.flatMap((stage) =>
  exampleApp({ stage })
    .app.node.children.filter((child) => Stack.isStack(child))
    .map((stack) => [stack.stackName, stack] as const),
);

test.each(cases)('%s', (_, stack) => {
  const template = Template.fromStack(stack).toJSON();
  const listed = Object.entries(resources.parse(template['Resources'])).map(
    ([logicalId, { Metadata: _metadata, ...rest }]) => [logicalId, rest] as const,
  );
  expect(
    withoutHashes({ Resources: Object.fromEntries(listed), Outputs: template['Outputs'] }),
  ).toMatchSnapshot();
});
