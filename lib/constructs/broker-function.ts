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
  /** All permissions of the function, except writing its own logs. */
  readonly permissions: readonly PolicyStatement[];
  readonly logRetention: RetentionDays;
  /** The handling of a failed invocation, as the reason why the function itself has no dead-letter queue. */
  readonly afterFailure: string;
  /** True if a bundled package is CommonJS: an ES module has no `require` for the modules of Node. @default false */
  readonly usesRequire?: boolean;
  /** Reserved concurrency by function, which is also its maximum. @default the account's shared concurrency */
  readonly reservedConcurrencyOf: StageConfig['reservedConcurrency'];
  /** The network of functions that hold plaintext, if the stage has one. Other functions do not use it. */
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

/**
 * Name of a deployed function, which on-call engineers can type and the dashboard can use without a reference to its
 * stack.
 */
export const deployedNameOf = (stage: string, name: DeployedFunctionName): string =>
  `spelo-byok-${stage}-${name}`;

/** https://nodejs.org/api/module.html#modulecreaterequirefilename */
const REQUIRE =
  "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);";

const PROJECT_ROOT = fileURLToPath(new URL('../../', import.meta.url));

/** Modules that replace others in a bundle. */
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
      // Logs contain no secret and are evidence. They expire, but no deployment deletes them.
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });

    this.role = new Role(this, 'Role', {
      roleName: roleName(this, props.stage, props.functionName),
      description: `Spelo BYOK: all that the function ${props.functionName} may do`,
      assumedBy: new ServicePrincipal('lambda.amazonaws.com'),
      // Inline, so that the role never exists with fewer or more permissions than these.
      inlinePolicies: {
        permissions: new PolicyDocument({
          statements: [
            ...props.permissions,
            new PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents'],
              resources: [this.logGroup.logGroupArn],
            }),
            // X-Ray has no resource-level permissions.
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
        // The tested version runs instead of the one that the runtime contains. It also starts faster.
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
   * Lambda's own segments, with the trace id in every log line. No part of a request or a response is recorded: the code
   * sends X-Ray nothing, so a key cannot get there. Set on the resource, because CDK's property adds a policy to the role.
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

/** The reason for `*` in a role: calls without resource-level permissions in IAM. */
const WITHOUT_RESOURCE =
  'PutTraceSegments and PutTelemetryRecords of X-Ray, and ListStreams where streams are read, take no resource; they tell or change nothing of a customer.';
