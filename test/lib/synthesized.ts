import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { z } from 'zod';
import { cached } from './template-cache.ts';

/** The templates as data, and the few readers that the tests share. */

/** An edge, for stages that show none. */
export const exampleEdge = {
  waf: true,
  requestsPer5Minutes: 2_000,
  secretName: 'spelo-byok/dev/origin-1',
  acceptedDigests: ['0'.repeat(64)],
};

/** The stages that cdk.json shows. */
export const EXAMPLE_STAGES = ['dev', 'prod'] as const;

export interface ExampleOptions {
  /** @default 'dev' */
  readonly stage?: (typeof EXAMPLE_STAGES)[number];
  /** Put over the settings of the stage. */
  readonly settings?: Readonly<Record<string, unknown>>;
}

export interface SynthesizedStack {
  readonly stackName: string;
  readonly region: string;
  readonly terminationProtection: boolean;
  /** The CloudFormation template as JSON. */
  readonly template: unknown;
}

const synthesized = z.array(
  z.object({
    stackName: z.string(),
    region: z.string(),
    terminationProtection: z.boolean(),
    template: z.unknown(),
  }),
);

/**
 * The stacks that `cdk synth` makes of cdk.json with these options, without account and without bundled code. Synthesized
 * once for each state of the sources, with every rule of the app, and then read from a cache on disk.
 */
export const exampleApp = ({ stage = 'dev', settings = {} }: ExampleOptions = {}) => {
  const options = JSON.stringify({ stage, settings });
  const text = cached(options, () =>
    execFileSync(process.execPath, [fileURLToPath(new URL('ask-synthesizer.ts', import.meta.url)), options], {
      encoding: 'utf8',
      maxBuffer: 64 * 1_024 * 1_024,
    }),
  );
  const stacks: readonly SynthesizedStack[] = synthesized.parse(JSON.parse(text));
  const find = (name: string): SynthesizedStack | undefined =>
    stacks.find(({ stackName }) => stackName === `spelo-byok-${stage}-${name}`);
  const get = (name: string): SynthesizedStack => {
    const found = find(name);
    if (found === undefined) throw new Error(`The stage ${stage} has no stack ${name}.`);
    return found;
  };
  return {
    stacks,
    data: get('data'),
    api: get('api'),
    audit: get('audit'),
    observability: get('observability'),
    edge: find('edge'),
    dashboard: find('dashboard'),
    replicas: stacks.filter(({ stackName }) => stackName.startsWith(`spelo-byok-${stage}-replica-`)),
    changes: stacks.filter(({ stackName }) => stackName.startsWith(`spelo-byok-${stage}-changes-`)),
  };
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
  Outputs: z
    .record(z.string(), z.object({ Value: z.unknown(), Export: z.object({ Name: z.string() }).optional() }))
    .default({}),
});

/** A resource of a template under the name of its construct: `MasterKey`, `Token/Role`. */
export interface Resource extends z.infer<typeof resource> {
  readonly name: string;
  readonly logicalId: string;
}

export interface StackTemplate {
  readonly stackName: string;
  readonly resources: readonly Resource[];
  readonly outputs: Readonly<
    Record<string, { readonly Value: unknown; readonly Export?: { readonly Name: string } | undefined }>
  >;
}

export const templateOf = (stack: SynthesizedStack): StackTemplate => {
  const { Resources, Outputs } = template.parse(stack.template);
  return {
    stackName: stack.stackName,
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
  MaxSessionDuration: z.number().optional(),
  Policies: z.array(z.object({ PolicyDocument: policyDocument })),
  Tags: z.unknown(),
});

/** `{ Null: { a: 'false' } }` is `a present`; anything else is spelled out. */
export const conditionInWords = (
  condition: Statement['Condition'],
  words: (value: unknown) => string,
): string =>
  Object.entries(condition)
    .flatMap(([operator, keys]) =>
      Object.entries(keys).map(([key, value]) =>
        operator === 'Null' && value === 'false' ? `${key} present` : `${operator} ${key} = ${words(value)}`,
      ),
    )
    .sort()
    .join(', ');

/** All statements of a role. A managed policy, a boundary or a path fails the test: nothing may hide there. */
export const statementsOfRole = (role: Resource): readonly Statement[] =>
  roleProperties.parse(role.Properties).Policies.flatMap(({ PolicyDocument }) => PolicyDocument.Statement);

export const statementsOfKey = (key: Resource): readonly Statement[] =>
  policyDocument.parse(key.Properties['KeyPolicy']).Statement;

const reference = z.union([
  z.strictObject({ Ref: z.string() }).transform(({ Ref }) => ({ logicalId: Ref, attribute: undefined })),
  z.strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }).transform((value) => {
    const [logicalId, attribute] = value['Fn::GetAtt'];
    return { logicalId, attribute };
  }),
]);
const stackOutput = z
  .object({ 'Fn::GetStackOutput': z.object({ StackName: z.string(), OutputName: z.string() }) })
  .transform((value) => value['Fn::GetStackOutput']);
const importValue = z
  .strictObject({ 'Fn::ImportValue': z.string() })
  .transform((value) => value['Fn::ImportValue']);
const splitPart = z
  .strictObject({
    'Fn::Select': z.tuple([z.unknown(), z.strictObject({ 'Fn::Split': z.tuple([z.string(), z.unknown()]) })]),
  })
  .transform((value) => value['Fn::Select'][1]['Fn::Split'][1]);
const join = z
  .strictObject({ 'Fn::Join': z.tuple([z.string(), z.array(z.unknown())]) })
  .transform((value) => value['Fn::Join']);

/**
 * The resource behind a value of the template `own`, in words: `MasterKey`, `TenancyTable/index/by-sub`,
 * `dynamodb.{AWS::Region}.amazonaws.com`. Outputs of the other stacks are followed to the resource behind them. A
 * stream differs from its table, `KeysTable/stream`; any other attribute of a resource is the resource.
 */
export const inWords = (value: unknown, own: StackTemplate, ...others: readonly StackTemplate[]): string => {
  if (typeof value === 'string') return value;
  if (Array.isArray(value)) return value.map((part) => inWords(part, own, ...others)).join(' or ');
  const joined = join.safeParse(value);
  if (joined.success) {
    const [separator, parts] = joined.data;
    return parts.map((part) => inWords(part, own, ...others)).join(separator);
  }
  const part = splitPart.safeParse(value);
  if (part.success) return `part of ${inWords(part.data, own, ...others)}`;
  const imported = importValue.safeParse(value);
  if (imported.success) {
    for (const other of others)
      for (const { Value, Export } of Object.values(other.outputs))
        if (Export?.Name === imported.data) return inWords(Value, other);
    throw new Error(`No stack exports ${imported.data}.`);
  }
  const output = stackOutput.safeParse(value);
  if (output.success) {
    const { StackName, OutputName } = output.data;
    const other = others.find(({ stackName }) => stackName === StackName);
    if (other === undefined) throw new Error(`There is no stack ${StackName}.`);
    return inWords(other.outputs[OutputName]?.Value, other);
  }
  const { logicalId, attribute } = reference.parse(value);
  const name = own.resources.find((candidate) => candidate.logicalId === logicalId)?.name ?? `{${logicalId}}`;
  return attribute === 'StreamArn' ? `${name}/stream` : name;
};
