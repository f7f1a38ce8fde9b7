import { CfnOutput, Duration, Stack, type StackProps } from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import type { FunctionName } from '../lambdas/contract/routes.ts';
import { BrokerApi } from './constructs/broker-api.ts';
import { BrokerFunction } from './constructs/broker-function.ts';
import type { NetworkPlace } from './constructs/egress-network.ts';
import type { DataStack } from './data-stack.ts';
import { functionEnvironments } from './function-environments.ts';
import { permissionsOf } from './role-permissions.ts';
import type { StageConfig } from './stage-config.ts';
import { watcherStatements } from './watcher-uses.ts';

export interface ApiStackProps extends StackProps {
  readonly config: StageConfig;
  readonly data: DataStack;
  readonly network: NetworkPlace | undefined;
}

/** The HTTP API and its functions. It has no state and can be recreated. */
export class ApiStack extends Stack {
  readonly apiId: string;
  /** The API's own name, which CloudFront calls. */
  readonly host: string;
  readonly functionNames: readonly FunctionName[];
  readonly logGroupNames: readonly string[];

  constructor(scope: Construct, id: string, { config, data, network, ...props }: ApiStackProps) {
    super(scope, id, { description: 'Spelo BYOK: HTTP API and functions', ...props });

    const environments = functionEnvironments(config, data);
    const logGroupNames: string[] = [];
    const functionNames: FunctionName[] = [];
    const brokerFunction = (functionName: FunctionName, constructId: string, memoryMiB: number) => {
      const broker = new BrokerFunction(this, constructId, {
        functionName,
        stage: config.stage,
        memoryMiB,
        // Ends before API Gateway stops waiting, which is after 30 s:
        // https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html
        // A call takes OpenAI up to 12 s, and 5 s more where it has to be hung up again.
        timeout: functionName === 'token' ? Duration.seconds(29) : Duration.seconds(25),
        environment: environments[functionName],
        permissions: [
          ...permissionsOf(this, functionName, data),
          ...watcherStatements(this, functionName, config.stage),
        ],
        logRetention: config.logRetentionDays,
        afterFailure:
          'API Gateway waits for the answer: the caller knows of a failure, and nothing is left to repeat.',
        reservedConcurrencyOf: config.reservedConcurrency,
        network,
      });
      functionNames.push(functionName);
      logGroupNames.push(broker.logGroup.logGroupName);
      return broker.function;
    };

    const api = new BrokerApi(this, 'Api', {
      config,
      signIn: data.signIn,
      functions: {
        // Lambda assigns processor time by memory, and a visitor waits for this function (docs/performance.md,
        // "Functions").
        token: brokerFunction('token', 'Token', 1_024),
        events: brokerFunction('events', 'Events', 512),
        keys: brokerFunction('keys', 'Keys', 512),
        rotate: brokerFunction('rotate', 'Rotate', 512),
        audit: brokerFunction('audit', 'Audit', 512),
        manage: brokerFunction('manage', 'Manage', 512),
        usage: brokerFunction('usage', 'Usage', 512),
      },
    });

    this.apiId = api.apiId;
    this.exportValue(api.apiId);
    this.host = `${api.apiId}.execute-api.${this.region}.${this.urlSuffix}`;
    this.functionNames = functionNames;
    this.logGroupNames = logGroupNames;
    new CfnOutput(this, 'ApiUrl', { value: api.url });
    if (api.domainTarget !== undefined) new CfnOutput(this, 'DomainTarget', { value: api.domainTarget });
  }
}
