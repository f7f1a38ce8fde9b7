import { fileURLToPath } from 'node:url';
import { Effect, PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { Architecture, CfnFunction, LoggingFormat, Runtime } from 'aws-cdk-lib/aws-lambda';
import { NodejsFunction, OutputFormat } from 'aws-cdk-lib/aws-lambda-nodejs';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { ArnFormat, type Duration, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { DeployedFunctionName } from '../../lambdas/contract/environment.ts';
import { KEY_USES } from '../key-uses.ts';
import { roleName } from '../role-names.ts';
import type { StageConfig } from '../stage-config.ts';
import type { NetworkPlace } from './egress-network.ts';

export interface BrokerFunctionProps {
  readonly functionName: DeployedFunctionName;
  readonly stage: string;
  readonly memoryMiB: number;
  readonly timeout: Duration;
  readonly environment: Readonly<Record<string, string>>;
  /** All that the function may do, apart from writing its own logs. */
  readonly permissions: readonly PolicyStatement[];
  readonly logRetention: RetentionDays;
  /** The fate of an invocation that fails: the reason why the function itself names no dead-letter queue. */
  readonly afterFailure: string;
  /** True if a bundled package is CommonJS: an ES module has no `require` for the modules of Node. @default false */
  readonly usesRequire?: boolean;
  /** By function, the containers that are set apart for it, and its most; a share of the account's common pool without. */
  readonly reservedConcurrencyOf: StageConfig['reservedConcurrency'];
  /** Where the stage has a network: the place of functions that hold plaintext. Others do not use it. */
  readonly network?: NetworkPlace | undefined;
}

/** Functions that see an OpenAI key: those that open a stored one, and those that seal a new one. */
const HOLDS_PLAINTEXT: ReadonlySet<string> = new Set(KEY_USES.master.map(({ role }) => role));

/** Calls that Lambda makes with the function's role: https://docs.aws.amazon.com/lambda/latest/dg/configuration-vpc.html */
const NETWORK_CALLS = [
  'ec2:AssignPrivateIpAddresses',
  'ec2:CreateNetworkInterface',
  'ec2:DeleteNetworkInterface',
  'ec2:DescribeNetworkInterfaces',
  'ec2:DescribeSubnets',
  'ec2:UnassignPrivateIpAddresses',
];

/** Name of a deployed function: for on-call to type, and for the dashboard, which needs no reference to its stack. */
export const deployedNameOf = (stage: string, name: DeployedFunctionName): string =>
  `spelo-byok-${stage}-${name}`;

/** https://nodejs.org/api/module.html#modulecreaterequirefilename */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const PROJECT_ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Modules that a bundle has in place of others. */
export const ALIASES: Readonly<Record<string, string>> = {
  '@aws-sdk/credential-provider-node': `${PROJECT_ROOT}lambdas/adapters/aws/environment-credentials.ts`,
};

/**
 * One deployed function: `lambdas/functions/<name>.ts` in one minified ES module with everything it imports, a role
 * with the given permissions and no managed policy, and its own log group.
 */
export class BrokerFunction extends Construct {
  readonly function: NodejsFunction;
  readonly role: Role;
  readonly logGroup: LogGroup;

  constructor(scope: Construct, id: string, props: BrokerFunctionProps) {
    super(scope, id);

    const place = HOLDS_PLAINTEXT.has(props.functionName) ? props.network : undefined;
    this.logGroup = new LogGroup(this, 'Logs', {
      retention: props.logRetention,
      // Logs hold no secret and are evidence: they run out, a deployment does not take them along.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });

    this.role = new Role(this, 'Role', {
      roleName: roleName(this, props.stage, props.functionName),
      description: `Spelo BYOK: all that the function ${props.functionName} may do`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      // Inline, so that the role never exists without its limits or with more than them.
      inlinePolicies: {
        permissions: new PolicyDocument({
          statements: [
            ...props.permissions,
            new PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [this.logGroup.logGroupArn],
            }),
            // X-Ray knows no resources.
            new PolicyStatement({
              actions: ['xray:PutTelemetryRecords', 'xray:PutTraceSegments'],
              resources: ['*'],
            }),
            ...(place === undefined ? [] : this.#networkStatements(props)),
          ],
        }),
      },
    });

    const reserved = props.reservedConcurrencyOf?.[props.functionName];
    this.function = new NodejsFunction(this, 'Function', {
      functionName: deployedNameOf(props.stage, props.functionName),
      description: `Spelo BYOK: ${props.functionName}`,
      entry: `${PROJECT_ROOT}lambdas/functions/${props.functionName}.ts`,
      projectRoot: PROJECT_ROOT,
      depsLockFilePath: `${PROJECT_ROOT}package-lock.json`,
      handler: 'handler',
      runtime: Runtime.NODEJS_24_X,
      architecture: Architecture.ARM_64,
      memorySize: props.memoryMiB,
      timeout: props.timeout,
      role: this.role,
      logGroup: this.logGroup,
      loggingFormat: LoggingFormat.JSON,
      ...(reserved !== undefined && { reservedConcurrentExecutions: reserved }),
      environment: { ...props.environment, NODE_OPTIONS: '--enable-source-maps' },
      bundling: {
        format: OutputFormat.ESM,
        target: 'node24',
        mainFields: ['module', 'main'],
        esbuildArgs: Object.fromEntries(
          Object.entries(ALIASES).map(([module, file]) => [`--alias:${module}`, file]),
        ),
        ...(props.usesRequire === true && { banner: REQUIRE }),
        minify: true,
        sourceMap: true,
        sourcesContent: false,
        // The version that was tested runs, not the one that the runtime happens to carry; it also starts faster.
        bundleAwsSDK: true,
      },
    });
    this.#trace();
    if (place !== undefined)
      this.#resource().vpcConfig = {
        subnetIds: [place.subnetId],
        securityGroupIds: [place.securityGroupId],
      };
    this.#acknowledge(props.afterFailure);
  }

  /**
   * Lambda's own segments, with the trace id in every log line. No part of a request or an answer is recorded: the code
   * gives X-Ray nothing, so a key cannot get there. Set on the resource, because CDK's property adds a policy to the role.
   */
  #trace(): void {
    this.#resource().tracingConfig = { mode: 'Active' };
  }

  #resource(): CfnFunction {
    const resource = this.function.node.defaultChild;
    if (!(resource instanceof CfnFunction)) throw new Error('The function has no CloudFormation resource.');
    return resource;
  }

  /** Lambda may attach the function to the network; the function's own code may not use these calls. */
  #networkStatements({ stage, functionName }: BrokerFunctionProps): readonly PolicyStatement[] {
    const functionArn = Stack.of(this).formatArn({
      service: 'lambda',
      resource: 'function',
      resourceName: deployedNameOf(stage, functionName),
      arnFormat: ArnFormat.COLON_RESOURCE_NAME,
    });
    return [
      new PolicyStatement({ actions: NETWORK_CALLS, resources: ['*'] }),
      new PolicyStatement({
        effect: Effect.DENY,
        actions: NETWORK_CALLS,
        resources: ['*'],
        conditions: { ArnEquals: { 'lambda:SourceFunctionArn': functionArn } },
      }),
    ];
  }

  #acknowledge(afterFailure: string): void {
    for (const id of ['AwsSolutions-IAM5[Resource::*]', 'Serverless-LambdaStarPermissions'])
      Validations.of(this.role).acknowledge({ id, reason: WITHOUT_RESOURCE });
    Validations.of(this.function).acknowledge({ id: 'Serverless-LambdaDLQ', reason: afterFailure });
  }
}

/** Why a role names `*`: the calls that IAM knows no resource for. */
const WITHOUT_RESOURCE =
  'PutTraceSegments and PutTelemetryRecords of X-Ray, and ListStreams where streams are read, take no resource; they tell or change nothing of a customer.';
