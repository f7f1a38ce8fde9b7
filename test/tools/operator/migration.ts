import { randomUUID } from 'node:crypto';
import { CreateKeyCommand, DisableKeyCommand } from '@aws-sdk/client-kms';
import { type DynamoDBDocumentClient, ScanCommand } from '@aws-sdk/lib-dynamodb';
import { dynamoDbClient, kmsClient } from '../../../lambdas/adapters/aws/clients.ts';
import { dynamoDbKeyScan } from '../../../lambdas/adapters/aws/keys/dynamodb-key-scan.ts';
import { dynamoDbKeys } from '../../../lambdas/adapters/aws/keys/dynamodb-keys.ts';
import { keyMarks } from '../../../lambdas/adapters/aws/keys/key-marks.ts';
import { kmsRewrapper } from '../../../lambdas/adapters/aws/keys/kms-rewrapper.ts';
import { kmsDerivationKeys } from '../../../lambdas/adapters/aws/kms-derivation-keys.ts';
import {
  type RewrapPorts,
  type RewrapReport,
  type RewrapTrouble,
  rewrapKeys,
} from '../../../lambdas/use-cases/keys/rewrap-keys.ts';
import type { KeyStore } from '../../../lambdas/use-cases/ports/keys.ts';
import { functionsInProcess } from '../../../local/functions-in-process.ts';
import { type LocalGateway, startGateway } from '../../../local/gateway.ts';
import { localRuntime } from '../../../local/local-runtime.ts';
import { operatorAuditEvents } from '../../../tools/operator/operator.ts';
import { callerAt, startTestStack, type TestStack } from '../../support/stack.ts';

/** A deployment whose keys were sealed under one master key and whose functions have been given another one. */
export interface Migration {
  /** The functions seal under `newArn` and open keys under both. */
  readonly stack: TestStack;
  readonly oldArn: string;
  readonly newArn: string;
  readonly dynamoDb: DynamoDBDocumentClient;
  readonly keys: KeyStore;
  readonly ports: RewrapPorts;
  run(ports?: Partial<RewrapPorts>, options?: { readonly dryRun?: boolean }): Promise<RunReport>;
  /** Items of the keys table that hold a wrapped data key, by place. */
  wrapped(): Promise<Map<string, WrappedItem>>;
  /** The old master key is taken from the functions and disabled in KMS. */
  finish(): Promise<TestStack>;
  close(): Promise<void>;
}

export interface RunReport extends RewrapReport {
  readonly troubles: readonly {
    readonly place: string;
    readonly trouble: RewrapTrouble;
    readonly errorName: string | undefined;
  }[];
}

export interface WrappedItem {
  readonly pk: string;
  readonly sk: string;
  readonly revision?: number;
  readonly state?: string;
  readonly sealed: {
    readonly kmsKeyArn: string;
    readonly wrappedDataKey: Uint8Array;
    readonly ciphertext: Uint8Array;
    readonly iv: Uint8Array;
  };
}

/** `seed` fills the deployment while the old master key is its only one. */
export const startMigration = async <Seeded>(
  seed: (stack: TestStack) => Promise<Seeded>,
): Promise<{ readonly migration: Migration; readonly seeded: Seeded }> => {
  const before = await startTestStack({ audited: false });
  const oldArn = before.kms.keyArn('alias/spelo-byok/master');
  const seeded = await seed(before);
  const { KeyMetadata } = await kmsClient(endpointsOf(before)).send(new CreateKeyCommand({}));
  const newArn = KeyMetadata?.Arn ?? '';

  const deployments: Deployment[] = [];
  const deploy = async (variables: Readonly<Record<string, string>>): Promise<TestStack> => {
    const deployment = await deployedAgain(before, variables);
    deployments.push(deployment);
    return deployment.stack;
  };
  const stack = await deploy({ MASTER_KEY_ARN: newArn, RETIRED_MASTER_KEY_ARNS: oldArn });
  const endpoints = endpointsOf(stack);
  const dynamoDb = dynamoDbClient(endpoints);
  const tables = { keys: 'keys', tenancy: 'tenancy' };
  const marks = keyMarks(kmsDerivationKeys(kmsClient(endpoints), stack.variables['MARKS_KEY_ARN'] ?? ''));
  const keys = dynamoDbKeys(dynamoDb, { ...tables, writer: 'keys' }, marks);
  // Small pages, so that a run has several.
  const scan = dynamoDbKeyScan(dynamoDb, tables, marks, 2);
  const ports: RewrapPorts = {
    scan,
    writer: scan,
    keys,
    rewrapper: kmsRewrapper(kmsClient(endpoints), [newArn, oldArn]),
    auditEvents: operatorAuditEvents,
  };
  const migration: Migration = {
    stack,
    oldArn,
    newArn,
    dynamoDb,
    keys,
    ports,
    run: async (overrides = {}, { dryRun = false } = {}) => {
      const troubles: RunReport['troubles'][number][] = [];
      const report = await rewrapKeys({ ...ports, ...overrides })(
        { sub: 'operator:test', sourceIp: '' },
        {
          toKeyArn: newArn,
          dryRun,
          onProgress: () => undefined,
          onTrouble: (place, trouble, errorName) => troubles.push({ place, trouble, errorName }),
        },
      );
      return { ...report, troubles };
    },
    wrapped: async () => {
      const { Items = [] } = await dynamoDb.send(
        new ScanCommand({ TableName: 'keys', ConsistentRead: true }),
      );
      const held = Items.filter((item) => item['sealed'] !== undefined) as WrappedItem[];
      return new Map(held.map((item) => [`${item.pk} ${item.sk}`, item]));
    },
    finish: async () => {
      await kmsClient(endpoints).send(new DisableKeyCommand({ KeyId: oldArn }));
      return deploy({ MASTER_KEY_ARN: newArn });
    },
    close: async () => {
      for (const { gateway } of deployments) await gateway.close();
      await before.close();
    },
  };
  return { migration, seeded };
};

interface Deployment {
  readonly stack: TestStack;
  readonly gateway: LocalGateway;
}

/** The functions of the stack, started again with other variables in front of the same tables and keys. */
const deployedAgain = async (
  stack: TestStack,
  changed: Readonly<Record<string, string>>,
): Promise<Deployment> => {
  const variables = { ...stack.variables, ...changed };
  const runtime = localRuntime(() => undefined);
  const { handlers } = functionsInProcess(variables, runtime, () => undefined);
  const gateway = await startGateway(handlers, { port: 0, newRequestId: randomUUID });
  const call = callerAt(() => gateway.url, stack.tokenFor);
  return { stack: { ...stack, url: gateway.url, variables, call }, gateway };
};

const endpointsOf = (stack: TestStack) => ({
  AWS_REGION: 'us-east-1',
  AWS_ENDPOINT_URL_DYNAMODB: stack.dynamoDb.endpoint,
  AWS_ENDPOINT_URL_KMS: stack.kms.endpoint,
});
