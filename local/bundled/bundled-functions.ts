import type { APIGatewayProxyStructuredResultV2, DynamoDBBatchResponse, SQSBatchResponse } from 'aws-lambda';
import { z } from 'zod';
import type { DeployedFunctionName } from '../../lambdas/contract/environment.ts';
import { KMS_KEYS } from '../../lambdas/contract/kms-keys.ts';
import { type FunctionName, ROUTES, type Route } from '../../lambdas/contract/routes.ts';
import { TABLES } from '../../lambdas/contract/tables.ts';
import type { HttpHandler } from '../../lambdas/http/http-handler.ts';
import type { StreamHandler } from '../../lambdas/streams/stream-handler.ts';
import type { Clock } from '../../lambdas/use-cases/ports/runtime.ts';
import type { LocalFunctions } from '../functions-in-process.ts';
import type { GatewayRoute } from '../gateway.ts';
import { localIncidents } from '../local-incidents.ts';
import type { Assembly, Placeholder } from './assembly.ts';
import { type BusEvent, startEventBus } from './event-bus.ts';
import { type FunctionRunner, startFunction } from './function-runner.ts';
import { jwtAuthorizer } from './jwt-authorizer.ts';

export interface BundledOptions {
  /**
   * Resources of the local server that replace the deployment's tables, keys and issuer, and the addresses of the
   * services.
   */
  readonly variables: Readonly<Record<string, string>>;
  readonly clock: Clock;
  /** True if the clock stops between explicit changes. */
  readonly clockStands: boolean;
  readonly jwksUri: string;
  readonly onLine: (line: string) => void;
  readonly onIncident: (summary: string) => void;
}

/**
 * Variables that a function gets here in addition to those of its template: the region, which Lambda sets; credentials,
 * which the local services ignore; and the addresses of those services.
 */
const ADDED = [
  'AWS_REGION',
  'AWS_CALL_TIMEOUT_MS',
  'AWS_ENDPOINT_URL_DYNAMODB',
  'AWS_ENDPOINT_URL_KMS',
  'AWS_ENDPOINT_URL_S3',
  'AWS_ENDPOINT_URL_SQS',
  'AWS_ENDPOINT_URL_LAMBDA',
  'AWS_ENDPOINT_URL_SESV2',
  'OPENAI_BASE_URL',
];

const QUEUE_VARIABLES = { hangUps: 'HANGUP_QUEUE_URL', notices: 'NOTICE_QUEUE_URL' } as const;

/** Variables with a different value on this machine: the issuer and the edge. */
const REPLACED = ['OIDC_ISSUER', 'OIDC_AUDIENCE', 'EDGE_PROOF_DIGESTS'];

const incidentDetail = z.object({ summary: z.string() });

/** The deployed functions behind the deployed routes, each in threads with its own environment. */
export const startBundledFunctions = async (
  assembly: Assembly,
  options: BundledOptions,
): Promise<LocalFunctions & { close(): Promise<void> }> => {
  const runners = new Map<DeployedFunctionName, FunctionRunner>();
  const runner = (name: DeployedFunctionName): FunctionRunner => {
    const found = runners.get(name);
    if (found === undefined) throw new Error(`The template has no function ${name}.`);
    return found;
  };
  const bus = await startEventBus(async (event) => {
    await Promise.all(targetsOf(assembly, event).map((name) => runner(name).invoke(event)));
    const incident = incidentDetail.safeParse(event.detail);
    if (incident.success) options.onIncident(incident.data.summary);
  });
  for (const { name, bundle, timeoutMs, variables } of assembly.functions.values())
    runners.set(
      name,
      startFunction({
        name,
        bundle,
        timeoutMs,
        variables: {
          ...localVariables(variables, options.variables),
          AWS_ENDPOINT_URL_EVENTBRIDGE: bus.endpoint,
          AWS_LAMBDA_FUNCTION_NAME: name,
        },
        clock: options.clock,
        clockStands: options.clockStands,
        onLine: options.onLine,
      }),
    );

  const http =
    (name: DeployedFunctionName): HttpHandler =>
    async (event) =>
      (await runner(name).invoke(event)) as APIGatewayProxyStructuredResultV2;
  const stream =
    (name: DeployedFunctionName): StreamHandler =>
    async (event) =>
      (await runner(name).invoke(event)) as DynamoDBBatchResponse;
  const consumers = (of: (name: DeployedFunctionName) => boolean) =>
    Object.fromEntries(
      assembly.mappings
        .filter(({ functionName }) => of(functionName))
        .map(({ table, functionName }) => [table, stream(functionName)]),
    );
  const names = new Set<FunctionName>(Object.values<Route>(ROUTES).map(({ servedBy }) => servedBy));
  return {
    handlers: Object.fromEntries([...names].map((name) => [name, http(name)])) as LocalFunctions['handlers'],
    routes: routesOf(assembly, options),
    watching: consumers((name) => name === 'detector'),
    recording: consumers((name) => name !== 'detector'),
    incidents: localIncidents(async (event) => {
      await runner('rotate-on-request').invoke(event);
    }),
    sweep: async () => {
      await runner('sweeper').invoke({});
    },
    retireModels: async () => {
      await runner('retire-models').invoke({});
    },
    reconcile: async () => {
      await runner('reconcile').invoke({});
    },
    heartbeat: async () => {
      await runner('heartbeat').invoke({});
    },
    watch: async (event) => {
      await runner('watch').invoke(event);
    },
    notices: async (event) => (await runner('notices').invoke(event)) as SQSBatchResponse,
    hangUps: async (event) => (await runner('hangup').invoke(event)) as SQSBatchResponse,
    close: async () => {
      await Promise.all([...runners.values()].map((running) => running.close()));
      await bus.close();
    },
  };
};

const targetsOf = (
  { rules }: Assembly,
  { source, 'detail-type': detailType }: BusEvent,
): readonly DeployedFunctionName[] =>
  rules
    .filter((rule) => rule.source.includes(source) && rule.detailType.includes(detailType))
    .map(({ functionName }) => functionName);

const routeKey = /^(?<method>GET|POST|PUT|PATCH|DELETE|OPTIONS) (?<path>\/v1\/.*)$/;

/**
 * The routes of the template. `$default` must have the same target as the gateway's requests without a matching route.
 */
const routesOf = ({ routes }: Assembly, { variables, jwksUri }: BundledOptions): readonly GatewayRoute[] => {
  const authorizer = jwtAuthorizer(variables['OIDC_ISSUER'] ?? '', variables['OIDC_AUDIENCE'] ?? '', jwksUri);
  return routes.flatMap((route): GatewayRoute[] => {
    const { method, path } = routeKey.exec(route.routeKey)?.groups ?? {};
    if (method === undefined || path === undefined) {
      if (route.routeKey === '$default' && route.functionName === 'manage') return [];
      throw new Error(`The gateway cannot serve the route ${route.routeKey} by ${route.functionName}.`);
    }
    return [
      {
        method: method as Route['method'],
        path: path as Route['path'],
        servedBy: route.functionName as FunctionName,
        ...(route.signedIn && { authorizer }),
      },
    ];
  });
};

/** The variables of the template, with values of the local server instead of those that CloudFormation would insert. */
const localVariables = (
  template: Readonly<Record<string, string | Placeholder>>,
  local: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> => {
  const resolved = Object.entries(template).map(([name, value]) => {
    // Tests lower some limits, and the local server has its own issuer.
    const own = local[name];
    if (REPLACED.includes(name)) return [name, own ?? ''] as const;
    if (typeof value === 'string') return [name, name === 'STAGE' ? value : (own ?? value)] as const;
    return [name, standIn(name, value, local)] as const;
  });
  const added = ADDED.flatMap((name) => (local[name] === undefined ? [] : [[name, local[name]] as const]));
  return {
    ...Object.fromEntries([...resolved, ...added]),
    AWS_ACCESS_KEY_ID: 'local',
    AWS_SECRET_ACCESS_KEY: 'local',
  };
};

/** The local resource that a placeholder of the template refers to, independent of the variable's name. */
const standIn = (
  variable: string,
  placeholder: Placeholder,
  local: Readonly<Record<string, string>>,
): string => {
  const named =
    'table' in placeholder
      ? TABLES[placeholder.table].variable
      : 'key' in placeholder
        ? KMS_KEYS[placeholder.key].variable
        : 'bucket' in placeholder
          ? placeholder.bucket
          : 'queue' in placeholder
            ? QUEUE_VARIABLES[placeholder.queue]
            : variable;
  const value = local[named];
  if (value === undefined) throw new Error(`Nothing here stands in for the variable ${variable}.`);
  return value;
};
