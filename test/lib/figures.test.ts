import { readFileSync } from 'node:fs';
import { describe, expect, test } from '@jest/globals';
import { Stack } from 'aws-cdk-lib/core';
import { z } from 'zod';
import { EXAMPLE_STAGES, exampleApp, ofType, templateOf } from './synthesized.ts';

/** What documents say in numbers about the deployment, held to the templates. */

const document = (name: string): string =>
  readFileSync(new URL(`../../docs/${name}`, import.meta.url), 'utf8');

const deployed = EXAMPLE_STAGES.map((stage) => {
  const templates = exampleApp({ stage })
    .app.node.children.filter((child) => Stack.isStack(child))
    .map(templateOf);
  return { stage, all: (type: string) => templates.flatMap((template) => ofType(template, type)) };
});

/** The number in front of these words; thousands may have their comma. */
const stated = (text: string, words: RegExp): number => {
  const found = new RegExp(String.raw`([\d,]+) ${words.source}`).exec(text)?.[1];
  if (found === undefined) throw new Error(`Nothing is said of ${words.source}.`);
  return Number(found.replaceAll(',', ''));
};

describe.each(deployed)('docs/cost.md, of the stage $stage', ({ all }) => {
  const cost = document('cost.md');
  /** What an edge brings besides, where the stage has one. */
  const withEdge = (words: RegExp): number =>
    all('AWS::WAFv2::WebACL').length > 0 ? stated(cost, words) : 0;

  test('counts the alarms', () => {
    expect(stated(cost, /alarms; AWS/) + withEdge(/more alarms/)).toBe(all('AWS::CloudWatch::Alarm').length);
  });

  test.each([
    ['AWS::Lambda::Function', /functions/],
    ['AWS::DynamoDB::Table', /tables/],
    ['AWS::KMS::Key', /customer-managed KMS keys/],
  ])('counts each %s', (type, words) => {
    expect(stated(cost, words)).toBe(all(type).length);
  });

  test('counts the metrics that the alarms read', () => {
    const metrics = all('AWS::CloudWatch::Alarm').map(({ Properties }) =>
      z
        .array(z.object({ MetricStat: z.unknown().optional() }))
        .default([{ MetricStat: true }])
        .parse(Properties['Metrics'])
        .filter(({ MetricStat }) => MetricStat !== undefined),
    );
    expect(stated(cost, /metrics that they read/) + withEdge(/more metrics/)).toBe(metrics.flat().length);
  });
});

describe.each(deployed)('docs/performance.md, of the stage $stage', ({ stage, all }) => {
  const [, section = ''] = document('performance.md').split('### Memory and timeouts');
  const rows = [...section.matchAll(/^\| `([\w-]+)` \| (\d+) \| (\d+) \|/gm)].map(
    ([, name, memory, timeout]) => [name, Number(memory), Number(timeout)] as const,
  );

  test('gives every function the memory and the timeout that it has', () => {
    const functions = all('AWS::Lambda::Function').map(({ Properties }) => [
      String(Properties['FunctionName']).replace(`spelo-byok-${stage}-`, ''),
      Properties['MemorySize'],
      Properties['Timeout'],
    ]);
    expect(Object.fromEntries(rows.map(([name, ...row]) => [name, row]))).toEqual(
      Object.fromEntries(functions.map(([name, ...row]) => [String(name), row])),
    );
  });
});
