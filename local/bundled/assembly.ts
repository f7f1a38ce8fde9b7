import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import type { DeployedFunctionName } from '../../lambdas/contract/environment.ts';
import { KMS_KEYS } from '../../lambdas/contract/kms-keys.ts';
import { TABLES, type TableDefinition } from '../../lambdas/contract/tables.ts';
import { DEPLOYED_FUNCTION_NAMES } from '../../lib/deployed-functions.ts';

/**
 * The parts of the `cdk synth` output that are needed to serve requests: functions with their bundles and variables,
 * routes with their authorizer, streams, rules. Throws on everything that it does not support, so that a template with
 * additional features is noticed.
 */
export interface Assembly {
  readonly functions: ReadonlyMap<DeployedFunctionName, AssemblyFunction>;
  readonly routes: readonly AssemblyRoute[];
  readonly mappings: readonly {
    readonly table: TableDefinition['name'];
    readonly functionName: DeployedFunctionName;
  }[];
  readonly rules: readonly AssemblyRule[];
}

export interface AssemblyFunction {
  readonly name: DeployedFunctionName;
  /** The ES module that is deployed. */
  readonly bundle: string;
  readonly timeoutMs: number;
  readonly memoryMiB: number;
  /** The variables of the template. A value that is known only after deployment is a Placeholder. */
  readonly variables: Readonly<Record<string, string | Placeholder>>;
}

/** The consumer of each queue. */
const CONSUMERS = { hangUps: 'hangup', notices: 'notices' } as const;

/** A value that CloudFormation would insert. */
export type Placeholder =
  | { readonly table: TableDefinition['name'] }
  | { readonly key: keyof typeof KMS_KEYS }
  | { readonly bucket: 'ARCHIVE_BUCKET' | 'TRAIL_BUCKET' }
  | { readonly queue: 'hangUps' | 'notices' }
  | { readonly other: string };

export interface AssemblyRoute {
  /** `POST /v1/{siteId}/token`, or `$default`. */
  readonly routeKey: string;
  readonly functionName: DeployedFunctionName;
  /** True behind the JWT authorizer. Its issuer and audience must equal those in the functions' variables. */
  readonly signedIn: boolean;
}

export interface AssemblyRule {
  readonly source: readonly string[];
  readonly detailType: readonly string[];
  readonly functionName: DeployedFunctionName;
}

const resource = z.object({ Type: z.string(), Properties: z.record(z.string(), z.unknown()).default({}) });
const templateSchema = z.object({
  Resources: z.record(z.string(), resource),
  Outputs: z
    .record(z.string(), z.object({ Value: z.unknown(), Export: z.object({ Name: z.string() }).optional() }))
    .default({}),
});
type Template = z.infer<typeof templateSchema>;

const manifest = z.object({
  artifacts: z.record(
    z.string(),
    z.object({ type: z.string(), properties: z.object({ templateFile: z.string() }).partial().optional() }),
  ),
});

const parseJson = <Schema extends z.ZodType>(schema: Schema, file: string): z.infer<Schema> =>
  schema.parse(JSON.parse(readFileSync(file, 'utf8')));

/** The templates of an assembly by the last part of their stack's name: `api`, `audit`, `data`. */
const templatesIn = (directory: string): ReadonlyMap<string, Template> =>
  new Map(
    Object.entries(parseJson(manifest, join(directory, 'manifest.json')).artifacts).flatMap(
      ([stackName, { type, properties }]) =>
        type === 'aws:cloudformation:stack' && properties?.templateFile !== undefined
          ? [
              [
                stackName.slice(stackName.lastIndexOf('-') + 1),
                parseJson(templateSchema, join(directory, properties.templateFile)),
              ] as const,
            ]
          : [],
    ),
  );

const reference = z.union([
  z.strictObject({ Ref: z.string() }).transform(({ Ref }) => ({ logicalId: Ref, attribute: 'Ref' })),
  z.strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.string()]) }).transform((value) => ({
    logicalId: value['Fn::GetAtt'][0],
    attribute: value['Fn::GetAtt'][1],
  })),
]);
const output = z
  .strictObject({ 'Fn::GetStackOutput': z.object({ StackName: z.string(), OutputName: z.string() }) })
  .transform((value) => value['Fn::GetStackOutput']);

const imported = z
  .strictObject({ 'Fn::ImportValue': z.string() })
  .transform((value) => value['Fn::ImportValue']);

interface Resolved {
  readonly stack: string;
  readonly logicalId: string;
  readonly attribute: string;
}

/** Follows a reference, through the outputs and exports of other stacks, to the resource that it names. */
const follow = (
  templates: ReadonlyMap<string, Template>,
  stack: string,
  value: unknown,
): Resolved | undefined => {
  const local = reference.safeParse(value);
  if (local.success) return { stack, ...local.data };
  const name = imported.safeParse(value);
  if (name.success)
    for (const [otherStack, { Outputs }] of templates)
      for (const { Value, Export } of Object.values(Outputs))
        if (Export?.Name === name.data) return follow(templates, otherStack, Value);
  const other = output.safeParse(value);
  if (!other.success) return undefined;
  const { StackName, OutputName } = other.data;
  const otherStack = StackName.slice(StackName.lastIndexOf('-') + 1);
  return follow(templates, otherStack, templates.get(otherStack)?.Outputs[OutputName]?.Value);
};

const capitalized = (name: string): string => `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
const isTable = (name: string): name is keyof typeof TABLES => name in TABLES;
const isKey = (name: string): name is keyof typeof KMS_KEYS => name in KMS_KEYS;

/** The resources that the local run replaces with its own, by `stack/logicalId`; the stacks' outputs name them. */
const knownResources = (templates: ReadonlyMap<string, Template>): ReadonlyMap<string, Placeholder> => {
  const known = new Map<string, Placeholder>();
  const add = (stack: string, outputName: string, placeholder: Placeholder): void => {
    const target = follow(templates, stack, templates.get(stack)?.Outputs[outputName]?.Value);
    if (target === undefined) throw new Error(`The stack ${stack} has no output ${outputName}.`);
    known.set(`${target.stack}/${target.logicalId}`, placeholder);
  };
  for (const table of Object.keys(TABLES).filter(isTable))
    add('data', `${capitalized(table)}TableName`, { table });
  for (const key of Object.keys(KMS_KEYS).filter(isKey)) add('data', `${capitalized(key)}KeyArn`, { key });
  add('audit', 'ArchiveBucketName', { bucket: 'ARCHIVE_BUCKET' });
  add('audit', 'TrailBucketName', { bucket: 'TRAIL_BUCKET' });
  add('data', 'HangUpQueueUrl', { queue: 'hangUps' });
  add('data', 'NoticeQueueUrl', { queue: 'notices' });
  return known;
};

const functionProperties = z.object({
  FunctionName: z.string(),
  Handler: z.literal('index.handler'),
  Timeout: z.number(),
  MemorySize: z.number(),
  Code: z.object({ S3Key: z.string().regex(/^[0-9a-f]{64}\.zip$/) }),
  Environment: z.object({ Variables: z.record(z.string(), z.unknown()) }),
});
const routeProperties = z.object({
  RouteKey: z.string(),
  Target: z.unknown(),
  AuthorizationType: z.enum(['JWT', 'NONE']),
  AuthorizerId: z.unknown().optional(),
});
const authorizerProperties = z.object({
  AuthorizerType: z.literal('JWT'),
  IdentitySource: z.tuple([z.literal('$request.header.Authorization')]),
  JwtConfiguration: z.object({ Issuer: z.unknown(), Audience: z.tuple([z.unknown()]) }),
});
const integrationTarget = z.strictObject({
  'Fn::Join': z.tuple([z.literal(''), z.tuple([z.literal('integrations/'), z.unknown()])]),
});

/**
 * Names of stages and of functions may have hyphens. The text between the prefix and the function's name is the stage.
 */
const isOwnName = (deployed: string, name: string): boolean =>
  /^spelo-byok-[a-z][a-z0-9-]{0,19}$/.test(deployed.slice(0, -name.length - 1));

/** Reads the assembly in `directory`, for any stage. */
export const readAssembly = (directory: string): Assembly => {
  const templates = templatesIn(directory);
  const known = knownResources(templates);
  const ofType = (type: string) =>
    [...templates].flatMap(([stack, { Resources }]) =>
      Object.entries(Resources)
        .filter(([, { Type }]) => Type === type)
        .map(([logicalId, { Properties }]) => ({ stack, logicalId, Properties })),
    );

  const nameOf = new Map<string, DeployedFunctionName>();
  const functions = new Map<DeployedFunctionName, AssemblyFunction>();
  for (const { stack, logicalId, Properties } of ofType('AWS::Lambda::Function')) {
    const { FunctionName, Timeout, MemorySize, Code, Environment } = functionProperties.parse(Properties);
    const name = DEPLOYED_FUNCTION_NAMES.find(
      (known) => FunctionName.endsWith(`-${known}`) && isOwnName(FunctionName, known),
    );
    if (name === undefined) throw new Error(`What is the function ${FunctionName}?`);
    nameOf.set(`${stack}/${logicalId}`, name);
    functions.set(name, {
      name,
      bundle: resolve(directory, `asset.${Code.S3Key.replace('.zip', '')}`, 'index.mjs'),
      timeoutMs: Timeout * 1_000,
      memoryMiB: MemorySize,
      variables: Object.fromEntries(
        Object.entries(Environment.Variables).map(([variable, value]) => {
          if (typeof value === 'string') return [variable, value];
          const target = follow(templates, stack, value);
          const placeholder = target && known.get(`${target.stack}/${target.logicalId}`);
          return [variable, placeholder ?? { other: JSON.stringify(value) }];
        }),
      ),
    });
  }
  const functionAt = (stack: string, value: unknown): DeployedFunctionName => {
    const target = follow(templates, stack, value);
    const name = target && nameOf.get(`${target.stack}/${target.logicalId}`);
    if (name === undefined) throw new Error(`No function is at ${JSON.stringify(value)}.`);
    return name;
  };
  const inStack = (stack: string, value: unknown) => {
    const target = follow(templates, stack, value);
    const found = target && templates.get(target.stack)?.Resources[target.logicalId];
    if (found === undefined) throw new Error(`Nothing is at ${JSON.stringify(value)}.`);
    return found.Properties;
  };

  const routes = ofType('AWS::ApiGatewayV2::Route').map(({ stack, Properties }): AssemblyRoute => {
    const { RouteKey, Target, AuthorizationType, AuthorizerId } = routeProperties.parse(Properties);
    const [, integration] = integrationTarget.parse(Target)['Fn::Join'][1];
    const functionName = functionAt(stack, inStack(stack, integration)['IntegrationUri']);
    if (AuthorizationType === 'JWT') {
      const { Issuer, Audience } = authorizerProperties.parse(inStack(stack, AuthorizerId)).JwtConfiguration;
      const { OIDC_ISSUER, OIDC_AUDIENCE } = functions.get(functionName)?.variables ?? {};
      const asVariable = (value: unknown) =>
        typeof value === 'string' ? value : { other: JSON.stringify(value) };
      if (
        JSON.stringify([asVariable(Issuer), asVariable(Audience[0])]) !==
        JSON.stringify([OIDC_ISSUER, OIDC_AUDIENCE])
      )
        throw new Error(`The authorizer of ${RouteKey} and its function trust different issuers.`);
    }
    return { routeKey: RouteKey, functionName, signedIn: AuthorizationType === 'JWT' };
  });

  const mappings = ofType('AWS::Lambda::EventSourceMapping').flatMap(({ stack, Properties }) => {
    const source = follow(templates, stack, Properties['EventSourceArn']);
    const placeholder = source && known.get(`${source.stack}/${source.logicalId}`);
    const functionName = functionAt(stack, Properties['FunctionName']);
    if (placeholder !== undefined && 'queue' in placeholder && functionName === CONSUMERS[placeholder.queue])
      return [];
    if (placeholder === undefined || !('table' in placeholder))
      throw new Error('An event source is neither a table nor a queue with a consumer.');
    return [{ table: placeholder.table, functionName }];
  });

  const pattern = z.object({ source: z.array(z.string()), 'detail-type': z.array(z.string()) });
  const rules = ofType('AWS::Events::Rule').flatMap(({ stack, Properties }): AssemblyRule[] => {
    const parsed = pattern.safeParse(Properties['EventPattern']);
    const targets = z.array(z.object({ Arn: z.unknown() })).parse(Properties['Targets']);
    // The other rules notify a topic or match CloudTrail's records.
    const called = targets.flatMap(({ Arn }) => {
      const target = follow(templates, stack, Arn);
      return nameOf.get(`${target?.stack}/${target?.logicalId}`) ?? [];
    });
    return parsed.success
      ? called.map((functionName) => ({
          source: parsed.data.source,
          detailType: parsed.data['detail-type'],
          functionName,
        }))
      : [];
  });

  return { functions, routes, mappings, rules };
};
