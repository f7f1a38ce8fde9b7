import { AccessLogFormat } from 'aws-cdk-lib/aws-apigateway';
import {
  CfnStage,
  DomainName,
  EndpointType,
  HttpApi,
  HttpMethod,
  HttpRoute,
  HttpRouteKey,
  HttpStage,
  LogGroupLogDestination,
  SecurityPolicy,
} from 'aws-cdk-lib/aws-apigatewayv2';
import { HttpJwtAuthorizer } from 'aws-cdk-lib/aws-apigatewayv2-authorizers';
import { HttpLambdaIntegration } from 'aws-cdk-lib/aws-apigatewayv2-integrations';
import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import type { IFunction } from 'aws-cdk-lib/aws-lambda';
import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { RemovalPolicy, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { type FunctionName, ROUTES, type RouteId, routeKeyOf } from '../../lambdas/contract/routes.ts';
import type { DataResources } from '../role-permissions.ts';
import type { Domain, StageConfig, Throttle } from '../stage-config.ts';

export interface BrokerApiProps {
  readonly config: StageConfig;
  readonly signIn: DataResources['signIn'];
  readonly functions: Readonly<Record<FunctionName, IFunction>>;
}

/**
 * One line per request, with fields that API Gateway itself writes. It has no header, path or query, because a caller's
 * text can contain a secret or forge a line.
 */
const ACCESS_LOG_FORMAT = JSON.stringify({
  request_id: '$context.requestId',
  time: '$context.requestTime',
  ip: '$context.identity.sourceIp',
  route: '$context.routeKey',
  status: '$context.status',
  error: '$context.error.responseType',
  latency_ms: '$context.responseLatency',
  integration_status: '$context.integrationStatus',
  integration_latency_ms: '$context.integrationLatency',
  response_bytes: '$context.responseLength',
});

type PublicRouteId = {
  [Id in RouteId]: (typeof ROUTES)[Id]['access'] extends 'public' ? Id : never;
}[RouteId];

/** Why each public route has no authorizer. A route without a reason here does not compile as public. */
const PUBLIC_BECAUSE: Readonly<Record<PublicRouteId, string>> = {
  allowTokenOrigin:
    'Browsers send a CORS preflight without credentials; the answer depends on the origin alone.',
  mintToken:
    'Visitors of a site have no account. The function admits by registered origin, rate limits and concurrency slots.',
  allowCallOrigin:
    'Browsers send a CORS preflight without credentials; the answer depends on the origin alone.',
  openCall:
    'Visitors of a site have no account. The function admits by registered origin, rate limits and concurrency slots.',
  allowEventsOrigin:
    'Browsers send a CORS preflight without credentials; the answer depends on the origin alone.',
  reportEvents:
    "Visitors of a site have no account. Each report is signed with its session's own secret, which the function checks first.",
  readPricing: 'A price list, the same for everybody, for people who consider becoming a customer.',
  estimateCost: 'A calculation from the request alone; it reads and stores nothing.',
  health: 'Monitors ask without credentials; the answer holds nothing but the version.',
};

const API_TOKENS_BECAUSE =
  'Accepts API tokens as well as access tokens. The function verifies the token before it reads any data.';

const isRouteId = (id: string): id is RouteId => id in ROUTES;
const isPublic = (id: RouteId): id is PublicRouteId => ROUTES[id].access === 'public';
const acceptsApiTokens = (id: RouteId): boolean => 'apiTokens' in ROUTES[id];

/**
 * The HTTP API: exactly the routes of the contract, behind a JWT authorizer unless they are public or accept API tokens, which are
 * no JWTs (docs/decisions/0101). Anything else goes to the function `manage`, which answers with our own 404. CORS is answered by the functions, site by site; the API
 * itself allows no origin.
 */
export class BrokerApi extends Construct {
  readonly url: string;
  readonly apiId: string;
  /** Target of the DNS record for the stage's own domain. */
  readonly domainTarget: string | undefined;
  readonly #api: HttpApi;

  constructor(scope: Construct, id: string, { config, signIn, functions }: BrokerApiProps) {
    super(scope, id);
    // With an edge, the domain is CloudFront's, and the API is reached under its own name, with the edge's secret.
    const domain = config.edge === undefined ? this.#domain(config.domain) : undefined;
    this.domainTarget = domain?.regionalDomainName;
    this.#api = new HttpApi(this, 'Http', {
      apiName: `spelo-byok-${config.stage}`,
      description: 'Spelo BYOK',
      createDefaultStage: false,
      // The domain is the only entrance: knowledge of the API's ID must not allow a caller to bypass it.
      disableExecuteApiEndpoint: domain !== undefined,
    });
    this.url = domain === undefined ? this.#api.apiEndpoint : `https://${domain.name}`;
    this.apiId = this.#api.apiId;

    this.#addRoutes(signIn, functions);
    this.#addUnknownRoute(functions.manage);
    const stage = this.#addStage(config, domain);
    this.#throttleRoutes(stage, {
      mintToken: config.throttling.tokenRoute,
      openCall: config.throttling.tokenRoute,
      reportEvents: config.throttling.eventsRoute,
    });
  }

  #domain(domain: Domain | undefined): DomainName | undefined {
    if (domain === undefined) return undefined;
    return new DomainName(this, 'Domain', {
      domainName: domain.name,
      certificate: Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
      endpointType: EndpointType.REGIONAL,
      securityPolicy: SecurityPolicy.TLS_1_2,
    });
  }

  #addRoutes(signIn: DataResources['signIn'], functions: Readonly<Record<FunctionName, IFunction>>): void {
    // One permission for the whole API, because one for each route would exceed the 20 KB limit of a function's policy.
    const integrations = new Map<IFunction, HttpLambdaIntegration>(
      Object.entries(functions).map(([name, served]) => [
        served,
        new HttpLambdaIntegration(`${name}-integration`, served, { scopePermissionToRoute: false }),
      ]),
    );
    const integrationOf = (name: FunctionName): HttpLambdaIntegration => {
      const found = integrations.get(functions[name]);
      if (found === undefined) throw new Error(`There is no function ${name}.`);
      return found;
    };
    // The functions verify the token again and check roles. With this authorizer, a forged token causes no invocation.
    const signedIn = new HttpJwtAuthorizer('jwt', signIn.issuer, { jwtAudience: [signIn.audience] });

    for (const routeId of Object.keys(ROUTES).filter(isRouteId)) {
      const { method, path, servedBy } = ROUTES[routeId];
      const route = new HttpRoute(this, routeId, {
        httpApi: this.#api,
        routeKey: HttpRouteKey.with(path, HttpMethod[method]),
        integration: integrationOf(servedBy),
        ...(isPublic(routeId) || acceptsApiTokens(routeId) ? {} : { authorizer: signedIn }),
      });
      if (isPublic(routeId)) acknowledgeNoAuthorizer(route, PUBLIC_BECAUSE[routeId]);
      if (acceptsApiTokens(routeId)) acknowledgeNoAuthorizer(route, API_TOKENS_BECAUSE);
    }
  }

  #addUnknownRoute(manage: IFunction): void {
    const route = new HttpRoute(this, 'unknownRoute', {
      httpApi: this.#api,
      routeKey: HttpRouteKey.DEFAULT,
      // A separate integration: the permission of the others ends in stage/method/path, and this route's ARN is
      // stage/$default.
      integration: new HttpLambdaIntegration('unknown-route-integration', manage),
    });
    acknowledgeNoAuthorizer(
      route,
      'Serves no resource: answers what no route matches with a 404, and CORS preflights of the dashboard.',
    );
  }

  /** The CDK construct of a stage has no settings per route, but the resource does. */
  #throttleRoutes(stage: HttpStage, throttles: Readonly<Partial<Record<RouteId, Throttle>>>): void {
    const resource = stage.node.defaultChild;
    if (!(resource instanceof CfnStage)) throw new Error('The stage has no CloudFormation resource.');
    const settings: Record<string, ReturnType<typeof routeSettings>> = {};
    for (const routeId of Object.keys(throttles).filter(isRouteId)) {
      const throttle = throttles[routeId];
      if (throttle === undefined) continue;
      settings[routeKeyOf(ROUTES[routeId])] = routeSettings(throttle);
      // API Gateway refuses settings for a route that does not exist yet.
      stage.node.addDependency(this.node.findChild(routeId));
    }
    resource.routeSettings = settings;
  }

  #addStage({ throttling, logRetentionDays }: StageConfig, domain: DomainName | undefined): HttpStage {
    const accessLogs = new LogGroup(this, 'AccessLogs', {
      retention: logRetentionDays,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    return new HttpStage(this, 'Stage', {
      httpApi: this.#api,
      stageName: '$default',
      autoDeploy: true,
      ...(domain !== undefined && { domainMapping: { domainName: domain } }),
      throttle: {
        rateLimit: throttling.everyRoute.requestsPerSecond,
        burstLimit: throttling.everyRoute.burst,
      },
      accessLogSettings: {
        destination: new LogGroupLogDestination(accessLogs),
        format: AccessLogFormat.custom(ACCESS_LOG_FORMAT),
      },
    });
  }
}

const acknowledgeNoAuthorizer = (route: HttpRoute, reason: string): void =>
  Validations.of(route).acknowledge({ id: 'AwsSolutions-APIG4', reason });

/** As CloudFormation spells them: the property is untyped JSON, which the CDK passes on as it is. */
const routeSettings = ({ requestsPerSecond, burst }: Throttle) => ({
  ThrottlingRateLimit: requestsPerSecond,
  ThrottlingBurstLimit: burst,
});
