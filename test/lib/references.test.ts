import { describe, expect, test } from '@jest/globals';
import {
  exampleApp,
  ofType,
  type Resource,
  type StackTemplate,
  type SynthesizedStack,
  templateOf,
} from './synthesized.ts';

/**
 * The CDK CLI leaves a stack alone whose template has the same text as the deployed one, whatever other stacks' outputs have
 * become. So a value that a stack takes from another must either be unable to change or change the text as well
 * (docs/decisions/0048-references-between-stacks.md).
 */

const everything = exampleApp({
  stage: 'prod',
  settings: { multiRegion: { replicaRegions: ['eu-west-1'] } },
});
const smallest = exampleApp();

interface Reading {
  readonly reader: StackTemplate;
  readonly region: string;
  readonly producer: StackTemplate;
  readonly value: unknown;
  readonly imported: boolean;
}

const readingsOf = (stacks: readonly SynthesizedStack[]): readonly Reading[] => {
  const templates = stacks.map((stack) => ({ region: stack.region, template: templateOf(stack) }));
  const find = (
    wanted: (output: { name: string; stackName: string; exported: string | undefined }) => boolean,
  ) => {
    for (const { template } of templates)
      for (const [name, { Value, Export }] of Object.entries(template.outputs))
        if (wanted({ name, stackName: template.stackName, exported: Export?.Name }))
          return { producer: template, value: Value };
    throw new Error('A stack reads an output that no stack has.');
  };
  return templates.flatMap(({ region, template: reader }) => {
    const readings: Reading[] = [];
    JSON.stringify(
      [reader.resources.map(({ Properties }) => Properties), reader.outputs],
      (key, value: unknown) => {
        if (key === 'Fn::ImportValue')
          readings.push({ reader, region, imported: true, ...find(({ exported }) => exported === value) });
        if (key === 'Fn::GetStackOutput') {
          const { StackName, OutputName } = Object(value);
          const output = find(({ name, stackName }) => name === OutputName && stackName === StackName);
          readings.push({ reader, region, imported: false, ...output });
        }
        return value;
      },
    );
    return readings;
  });
};

const stacksOf = ({
  data,
  api,
  audit,
  observability,
  edge,
  dashboard,
  replicas,
}: typeof everything): SynthesizedStack[] =>
  [data, api, audit, observability, edge, dashboard, ...replicas].filter((stack) => stack !== undefined);

const cases = Object.entries({ dev: smallest, 'prod with a stand-by region': everything }).map(
  ([name, stacks]) => [name, readingsOf(stacksOf(stacks))] as const,
);

const same = (a: Reading, b: Reading): boolean =>
  a.producer === b.producer && JSON.stringify(a.value) === JSON.stringify(b.value);

const resourceBehind = ({ producer, value }: Reading): { attribute: string; resource: Resource } => {
  const text = JSON.stringify(value);
  const [, logicalId = '', attribute = 'Ref'] =
    /^\{"Ref":"(\w+)"\}$/.exec(text) ?? /^\{"Fn::GetAtt":\["(\w+)","(\w+)"\]\}$/.exec(text) ?? [];
  const resource = producer.resources.find((found) => found.logicalId === logicalId);
  if (resource === undefined) throw new Error(`What is ${text} of ${producer.stackName}?`);
  return { attribute, resource };
};

/** Resources whose name AWS chooses once: only another logical id, which is in the text, gives another name. */
const NAMED_ONCE: Readonly<Record<string, readonly string[]>> = {
  'AWS::Logs::LogGroup': ['LogGroupName'],
  'AWS::SQS::Queue': ['QueueName', 'FifoQueue'],
};

/** Why the value behind a reading without import cannot change unseen; undefined when it can. */
const reasonOf = (reading: Reading, all: readonly Reading[]): string | undefined => {
  const imports = all.filter(({ imported, producer }) => imported && producer === reading.producer);
  if (imports.some((other) => same(other, reading))) return 'another stack imports it';
  const { attribute, resource } = resourceBehind(reading);
  if (resource.Type === 'AWS::CloudWatch::Alarm' && typeof resource.Properties['AlarmName'] === 'string')
    return 'its name is fixed';
  const replacing = NAMED_ONCE[resource.Type];
  if (replacing?.every((property) => !(property in resource.Properties)) === true && imports.length > 0)
    return 'it is named once, and its stack cannot be deleted';
  if (attribute === 'StreamArn') return 'the view of the stream is in the text';
  return undefined;
};

describe.each(cases)('the values that a stack of %s reads from another stack', (_, readings) => {
  test('exist', () => {
    expect(readings.filter(({ imported }) => imported).length).toBeGreaterThan(100);
    expect(readings.filter(({ imported }) => !imported).length).toBeGreaterThan(20);
  });

  test('cannot change without a change of the reader, so that no deployment skips it', () => {
    const unprotected = readings
      .filter((reading) => !reading.imported && reasonOf(reading, readings) === undefined)
      .map(({ reader, value }) => `${reader.stackName} reads ${JSON.stringify(value)}`);
    expect(unprotected).toEqual([]);
  });

  test('are imported by functions, so that tables, keys and the sign-in cannot change while in use', () => {
    const byFunctions = readings.filter(({ reader }) => /-(api|audit)$/.test(reader.stackName));
    const notImported = byFunctions.filter(({ imported }) => !imported).map(resourceBehind);
    expect(new Set(notImported.map(({ attribute }) => attribute))).toEqual(new Set(['StreamArn']));
  });

  test('are imported only within one region', () => {
    for (const { imported, region } of readings)
      if (imported)
        expect(region).toBe(readings.find(({ reader }) => /-api$/.test(reader.stackName))?.region);
  });

  test('include the API ID and the alarm topic, so that neither stack can be deleted before its readers', () => {
    const imported = readings
      .filter(({ reader, imported }) => imported && /-observability$/.test(reader.stackName))
      .map((reading) => resourceBehind(reading).resource.Type);
    expect(new Set(imported)).toEqual(new Set(['AWS::ApiGatewayV2::Api', 'AWS::SNS::Topic']));
  });
});

describe('the exports of tables and keys', () => {
  test('exist even if no stack imports them, because a changing export could not be removed while in use', () => {
    const { outputs, resources } = templateOf(smallest.data);
    const exported = Object.values(outputs).flatMap(({ Export, Value }) =>
      Export === undefined ? [] : [Value],
    );
    for (const [type, attributes] of [
      ['AWS::DynamoDB::Table', ['Arn']],
      ['AWS::KMS::Key', ['Arn']],
    ] as const)
      for (const { logicalId } of resources.filter(({ Type }) => Type === type)) {
        expect(exported).toContainEqual({ Ref: logicalId });
        for (const attribute of attributes)
          expect(exported).toContainEqual({ 'Fn::GetAtt': [logicalId, attribute] });
      }
  });

  test('are the same with and without an edge, a dashboard and replicas', () => {
    const names = (stacks: typeof everything): readonly string[] =>
      Object.values(templateOf(stacks.data).outputs)
        .flatMap(({ Export }) => Export?.Name.replace(/^spelo-byok-\w+-/, '') ?? [])
        .filter((name) => !name.includes('SignIn'))
        .sort();
    expect(names(everything)).toEqual(names(smallest));
  });
});

describe('a table whose stream gets another view type', () => {
  // Another view is another ARN of the stream. A stand-by region needs both images.
  const readers = (stacks: typeof everything) => {
    const own = templateOf(stacks.audit);
    return {
      mappings: ofType(own, 'AWS::Lambda::EventSourceMapping')
        .filter(({ Properties }) => 'StartingPosition' in Properties)
        .map(({ logicalId }) => logicalId),
      sids: ofType(own, 'AWS::IAM::Role').flatMap(
        ({ Properties }) => JSON.stringify(Properties['Policies']).match(/"Sid":"Read[^"]+"/g) ?? [],
      ),
    };
  };
  const before = readers(smallest);
  const after = readers(everything);

  test('gets new mappings, which start at the oldest record of the new stream', () => {
    expect(before.mappings).toHaveLength(8);
    expect(after.mappings).toHaveLength(8);
    // The stream of usage has both images in every stage.
    expect(after.mappings.filter((id) => before.mappings.includes(id))).toEqual([
      expect.stringContaining('UsageNewAndOldImagesStream'),
    ]);
  });

  test('gets roles that name the new stream', () => {
    expect(before.sids).toHaveLength(3);
    expect(after.sids.filter((sid) => before.sids.includes(sid))).toEqual([]);
  });
});
