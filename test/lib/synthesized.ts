import { readFileSync } from 'node:fs';
import { Template } from 'aws-cdk-lib/assertions';
import { App, type Stack } from 'aws-cdk-lib/core';
import { z } from 'zod';
import { createStacks } from '../../lib/create-stacks.ts';
import { readStageConfig } from '../../lib/stage-config.ts';

/** The templates as data, and the few readers that the tests share. */

const cdkJson = z
  .object({ context: z.record(z.string(), z.unknown()) })
  .parse(JSON.parse(readFileSync(new URL('../../cdk.json', import.meta.url), 'utf8')));

/** The app as `cdk synth` builds it from cdk.json, without account and region; bundled only where code is the subject. */
export const exampleApp = ({ bundled = false }: { readonly bundled?: boolean } = {}) => {
  const app = new App({
    context: {
      ...cdkJson.context,
      ...(bundled ? {} : { 'aws:cdk:bundling-stacks': [] }),
      // Construct paths in the templates, as the CLI asks for them; the names in these tests come from there.
      'aws:cdk:enable-path-metadata': true,
    },
  });
  const stacks = createStacks(app, readStageConfig(app), { account: undefined, region: undefined });
  return { app, ...stacks };
};

const resource = z.object({
  Type: z.string(),
  Properties: z.record(z.string(), z.unknown()).default({}),
  DeletionPolicy: z.string().optional(),
  UpdateReplacePolicy: z.string().optional(),
  Metadata: z.object({ 'aws:cdk:path': z.string() }).partial().default({}),
});
const template = z.object({
  Resources: z.record(z.string(), resource),
  Outputs: z.record(z.string(), z.object({ Value: z.unknown() })).default({}),
});

/** A resource of a template under the name of its construct: `MasterKey`, `Token/Role`. */
export interface Resource extends z.infer<typeof resource> {
  readonly name: string;
  readonly logicalId: string;
}

export interface StackTemplate {
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<Record<string, { readonly Value: unknown }>>;
}

export const templateOf = (stack: Stack): StackTemplate => {
  const { Resources, Outputs } = template.parse(Template.fromStack(stack).toJSON());
  return {
    resources: Object.entries(Resources).map(([logicalId, found]) => ({
      ...found,
      logicalId,
      name: (found.Metadata['aws:cdk:path'] ?? logicalId).split('/').slice(1, -1).join('/'),
    })),
    outputs: Outputs,
  };
};

export const ofType = ({ resources }: StackTemplate, type: string): readonly Resource[] =>
  resources.filter(({ Type }) => Type === type);

const oneOrMany = <Item extends z.ZodType>(item: Item) =>
  z.union([item, z.array(item)]).transform((value) => (Array.isArray(value) ? value : [value]));

const statement = z.strictObject({
  Sid: z.string().optional(),
  Effect: z.literal('Allow'),
  Principal: z.unknown().optional(),
  Action: oneOrMany(z.string()),
  Resource: oneOrMany(z.unknown()),
  Condition: z.record(z.string(), z.record(z.string(), z.unknown())).default({}),
});

/** An IAM statement with its lists always lists. Anything but `Allow` and the known fields fails the test. */
export type Statement = z.infer<typeof statement>;

const policyDocument = z.object({ Statement: z.array(statement) });
const roleProperties = z.strictObject({
  RoleName: z.unknown(),
  Description: z.string(),
  AssumeRolePolicyDocument: z.unknown(),
  Policies: z.array(z.object({ PolicyDocument: policyDocument })),
});

/** All statements of a role. A managed policy, a boundary or a path fails the test: nothing may hide there. */
export const statementsOfRole = (role: Resource): readonly Statement[] =>
  roleProperties.parse(role.Properties).Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);

export const statementsOfKey = (key: Resource): readonly Statement[] =>
  policyDocument.parse(key.Properties['KeyPolicy']).Statement;

const reference = z.union([
  z.strictObject({ Ref: z.string() }).transform(({ Ref }) => Ref),
  z
    .strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) })
    .transform((value) => value['Fn::GetAtt'][0]),
]);
const stackOutput = z
  .object({ 'Fn::GetStackOutput': z.object({ OutputName: z.string() }) })
  .transform((value) => value['Fn::GetStackOutput'].OutputName);
const join = z
  .strictObject({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) })
  .transform((value) => value['Fn::Join']);

/**
 * What a value of the template `own` stands for, in words: `MasterKey`, `TenancyTable/index/by-sub`,
 * `dynamodb.{AWS::Region}.amazonaws.com`. Outputs of `other` are followed to the resource behind them.
 */
export const inWords = (value: unknown, own: StackTemplate, other: StackTemplate): string => {
  if (typeof value === 'string') return value;
  const joined = join.safeParse(value);
  if (joined.success) {
    const [separator, parts] = joined.data;
    return parts.map((part) => inWords(part, own, other)).join(separator);
  }
  const output = stackOutput.safeParse(value);
  if (output.success) return inWords(other.outputs[output.data]?.Value, other, own);
  const logicalId = reference.parse(value);
  return own.resources.find((candidate) => candidate.logicalId === logicalId)?.name ?? `{${logicalId}}`;
};
