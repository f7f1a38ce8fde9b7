import { readFileSync, writeFileSync } from 'node:fs';
import { expect, it } from '@jest/globals';
import { z } from 'zod';
import { writeBlocks } from '../../bench/blocks.ts';
import { PRICES } from '../../tools/operator/deploy/prices.ts';
import {
  EXAMPLE_STAGES,
  exampleApp,
  ofType,
  type Resource,
  type SynthesizedStack,
  templateOf,
} from './synthesized.ts';

/**
 * Figures of the deployment that documents show between `<!-- generated:… -->` and its end, made from the templates.
 * `npm run docs:figures` writes them.
 */

type Stage = (typeof EXAMPLE_STAGES)[number];

const resourcesOf = (stage: Stage, type: string): readonly Resource[] =>
  exampleApp({ stage })
    .stacks.map(templateOf)
    .flatMap((template) => ofType(template, type));

/** Alarms and the metrics that they read, of which AWS counts each. */
const countAlarms = (alarms: readonly Resource[]) => {
  const metrics = alarms.flatMap(({ Properties }) =>
    z
      .array(z.object({ MetricStat: z.unknown().optional() }))
      .default([{ MetricStat: true }])
      .parse(Properties['Metrics'])
      .filter(({ MetricStat }) => MetricStat !== undefined),
  );
  return { alarms: alarms.length, metrics: metrics.length };
};

type Alarms = ReturnType<typeof countAlarms>;
const difference = (more: Alarms, less: Alarms): Alarms => ({
  alarms: more.alarms - less.alarms,
  metrics: more.metrics - less.metrics,
});

const alarmsIn = (stacks: readonly SynthesizedStack[]) =>
  countAlarms(stacks.map(templateOf).flatMap((template) => ofType(template, 'AWS::CloudWatch::Alarm')));

const PRICE_OF_KEY = PRICES.key.dollars;
const PRICE_OF_ALARM_METRIC = PRICES.alarmMetric.dollars;
const dollars = (amount: number): string => `$${amount.toFixed(2)}`;

/** A stage outside of us-east-1, with a dashboard or without. */
const OUTSIDE = { region: 'eu-central-1' };

/** The lines of `docs/cost.md`: dev has no edge and no dashboard, prod has both. */
const costLines = (): readonly string[] => {
  const count = (type: string): number => resourcesOf('dev', type).length;
  const plain = alarmsIn(exampleApp({ stage: 'dev' }).stacks);
  const outside = exampleApp({ settings: OUTSIDE });
  const elsewhere = alarmsIn(outside.changes);
  const served = exampleApp({ settings: { ...OUTSIDE, dashboard: {} } });
  const cloudFront = difference(alarmsIn(served.changes), elsewhere);
  const dashboard = alarmsIn([served.dashboard].filter((stack) => stack !== undefined));
  const prod = exampleApp({ stage: 'prod' });
  const others = [prod.dashboard, ...prod.changes];
  const edge = difference(alarmsIn(prod.stacks.filter((stack) => !others.includes(stack))), plain);
  const keys = count('AWS::KMS::Key');
  return [
    '| What the templates hold | Per month |',
    '|---|---|',
    `| ${count('AWS::Lambda::Function')} functions, ${count('AWS::DynamoDB::Table')} tables, the API: nothing until they are used | $0.00 |`,
    `| ${keys} customer-managed KMS keys | ${dollars(keys * PRICE_OF_KEY)} |`,
    `| ${plain.alarms} alarms; AWS counts the ${plain.metrics} metrics that they read | ${dollars(plain.metrics * PRICE_OF_ALARM_METRIC)} |`,
    `| With an edge: ${edge.alarms} more alarms, on ${edge.metrics} more metrics | ${dollars(edge.metrics * PRICE_OF_ALARM_METRIC)} |`,
    `| With an edge or a dashboard: ${cloudFront.alarms} more alarm, in us-east-1, on ${cloudFront.metrics} metric | ${dollars(cloudFront.metrics * PRICE_OF_ALARM_METRIC)} |`,
    `| With a dashboard: ${dashboard.alarms} more alarms, on ${dashboard.metrics} metrics | ${dollars(dashboard.metrics * PRICE_OF_ALARM_METRIC)} |`,
    `| Outside of us-east-1: ${elsewhere.alarms} more alarm there, on ${elsewhere.metrics} metrics | ${dollars(elsewhere.metrics * PRICE_OF_ALARM_METRIC)} |`,
  ];
};

const memoryLines = (stage: Stage): readonly string[] => [
  '| Function | Memory, MB | Timeout, s |',
  '|---|---:|---:|',
  ...resourcesOf(stage, 'AWS::Lambda::Function').map(({ Properties }) => {
    const name = String(Properties['FunctionName']).replace(`spelo-byok-${stage}-`, '');
    return `| \`${name}\` | ${Properties['MemorySize']} | ${Properties['Timeout']} |`;
  }),
];

it.each([
  ['cost.md', { deployment: costLines() }],
  ['performance.md', { memory: memoryLines('dev') }],
])('docs/%s shows the figures of the templates', (name, blocks) => {
  const file = new URL(`../../docs/${name}`, import.meta.url);
  const document = readFileSync(file, 'utf8');
  const written = writeBlocks(document, blocks);
  if (process.env['UPDATE_DOCS'] === '1') writeFileSync(file, written);
  else expect(document).toBe(written);
});

it.each<[string, (stage: Stage) => unknown]>([
  ['functions with their memory and timeouts', memoryLines],
  ['tables', (stage) => resourcesOf(stage, 'AWS::DynamoDB::Table').length],
  ['KMS keys', (stage) => resourcesOf(stage, 'AWS::KMS::Key').length],
])('every example stage has the same %s, so that the documents can state them once', (_, figures) => {
  const [first, ...others] = EXAMPLE_STAGES.map(figures);
  for (const other of others) expect(other).toEqual(first);
});
