import { describe, expect, it } from '@jest/globals';
import {
  EXAMPLE_STAGES,
  exampleApp,
  inWords,
  ofType,
  type Resource,
  type StackTemplate,
  templateOf,
} from './synthesized.ts';

/**
 * The part of the templates that a reviewer sees change; `npm run test:infra -- -u` accepts it. Roles and permissions
 * are in docs/permissions.md, alarms in runbook.test.ts, routes and functions in api-stack.test.ts, and `npx cdk diff`
 * shows all.
 */

const templatesOf = (stage: (typeof EXAMPLE_STAGES)[number]): readonly StackTemplate[] =>
  exampleApp({ stage }).stacks.map(templateOf);

describe.each(EXAMPLE_STAGES)('the stage %s', (stage) => {
  // A logical id that changes destroys its resource and makes another one.
  it.each(templatesOf(stage).map((template) => [template.stackName, template] as const))(
    'has the recorded resources and logical IDs in the stack %s',
    (_, { resources, outputs }) => {
      expect([
        ...resources.map(({ logicalId, Type, DeletionPolicy, UpdateReplacePolicy }) =>
          [
            logicalId,
            Type.replace('AWS::', ''),
            ...(DeletionPolicy === undefined ? [] : [DeletionPolicy]),
            ...(UpdateReplacePolicy === DeletionPolicy ? [] : [`on replacement ${UpdateReplacePolicy}`]),
          ].join(' '),
        ),
        ...Object.keys(outputs).map((name) => `output ${name}`),
      ]).toMatchSnapshot();
    },
  );
});

/** Types whose settings no other test states. */
const SETTINGS =
  /^AWS::(?:CloudFront|WAFv2|Cognito|CloudTrail|SNS|SQS|S3|Logs|Events|Lambda::(?:EventSourceMapping|EventInvokeConfig|Permission)|ApiGatewayV2::(?:Api|Stage|Authorizer|Integration|ApiMapping|DomainName))/;
/** Code of a function, named by its hash. */
const WITHOUT_HASH = /\b[0-9a-f]{64}\.(zip|json)/g;

/** `Config.Rules[0].Name = Limit`, one line for each value; references are named by their constructs. */
const linesOf = (value: unknown, path: string, words: (value: unknown) => string): readonly string[] => {
  if (typeof value !== 'object' || value === null) return [`${path} = ${String(value)}`];
  const keys = Object.keys(value);
  if (keys.length === 1 && /^(?:Ref|Fn::)/.test(keys[0] ?? '')) return [`${path} = ${words(value)}`];
  if (Array.isArray(value)) return value.flatMap((item, index) => linesOf(item, `${path}[${index}]`, words));
  return Object.entries(value).flatMap(([key, item]) => linesOf(item, `${path}.${key}`, words));
};

describe('the settings of the stage prod', () => {
  const templates = templatesOf('prod');
  const wordsIn =
    (template: StackTemplate) =>
    (value: unknown): string => {
      try {
        return inWords(value, template, ...templates);
      } catch {
        return JSON.stringify(value);
      }
    };

  it.each(templates.map((template) => [template.stackName, template] as const))(
    'in the stack %s are the recorded ones, unless another test checks them',
    (_, template) => {
      const lines = template.resources
        .filter(({ Type }) => SETTINGS.test(Type))
        .flatMap(({ name, Properties }) => linesOf(Properties, name, wordsIn(template)));
      expect(lines.map((line) => line.replaceAll(WITHOUT_HASH, '<hash>.$1'))).toMatchSnapshot();
    },
  );
});

describe('roles and keys of dev and prod', () => {
  const [dev, prod] = EXAMPLE_STAGES.map((stage) => {
    const templates = templatesOf(stage);
    const plain = (text: string): string =>
      text
        .replaceAll(`spelo-byok-${stage}`, 'spelo-byok-<stage>')
        .replace(new RegExp(`(\\.Tags\\[\\d+\\]\\.Value = )${stage}$`), '$1<stage>')
        .replaceAll('{AWS::Region}', 'eu-central-1')
        .replaceAll('{AWS::Partition}', 'aws');
    const textOf = (template: StackTemplate, { name, Properties }: Resource): readonly string[] =>
      linesOf(Properties, name, (value) => {
        try {
          return inWords(value, template, ...templates);
        } catch {
          return JSON.stringify(value);
        }
      }).map(plain);
    return (type: string) =>
      templates.flatMap((template) => ofType(template, type).flatMap((found) => textOf(template, found)));
  });

  it.each(['AWS::IAM::Role', 'AWS::KMS::Key'])('of the type %s are the same', (type) => {
    expect(prod?.(type).length).toBeGreaterThan(50);
    expect(prod?.(type)).toEqual(dev?.(type));
  });
});
