import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  type BehaviorOptions,
  CachePolicy,
  CfnDistribution,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginRequestPolicy,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin, S3BucketOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import {
  BlockPublicAccess,
  Bucket,
  BucketEncryption,
  CfnBucket,
  type IBucket,
  ObjectOwnership,
} from 'aws-cdk-lib/aws-s3';
import { CfnOutput, Duration, Fn, RemovalPolicy, Stack, Validations } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { DashboardConfig } from '../../lambdas/contract/dashboard-config.ts';
import { dashboardPolicy } from '../../lambdas/contract/dashboard-policy.ts';
import type { Domain } from '../stage-config.ts';

export interface DashboardSiteProps {
  /** `https://…` of the API, or of the distribution in front of it; without a slash at its end. */
  readonly apiUrl: string;
  readonly oidc: DashboardConfig['oidc'];
  /** Origins that the sign-in talks to: of the issuer, and of its token endpoint where that is another. */
  readonly signInOrigins: readonly string[];
  /** The site's own name. @default CloudFront's name */
  readonly domain?: Domain | undefined;
  /** Gets the access logs of the bucket and of the distribution; ACLs must be allowed on it for the latter. */
  readonly accessLogs?: IBucket | undefined;
}

/** Where a browser posts its offer: OpenAI's host, and those of its regions. */
const OPENAI = ['https://api.openai.com', 'https://*.api.openai.com'];

/**
 * The management routes, under the dashboard's own name: no CORS, and a 401 of the gateway stays readable. The visitors'
 * routes are not among them, so that they keep the address that API Gateway sees (docs/decisions/0040).
 */
const API_PATHS = [
  '/v1/workspaces',
  '/v1/workspaces/*',
  '/v1/sites/*',
  '/v1/pricing',
  '/v1/cost-estimate',
  '/v1/health',
];

/** Every path inside the application serves its only page, and the root of the distribution redirects to it. */
const ROUTE_IN_BROWSER = `function handler(event) {
  var request = event.request;
  if (request.uri === '/' || request.uri === '/dashboard')
    return { statusCode: 302, statusDescription: 'Found', headers: { location: { value: '/dashboard/' } } };
  if (request.uri.startsWith('/dashboard/') && !/\\.[a-z0-9]+$/.test(request.uri))
    request.uri = '/dashboard/index.html';
  return request;
}`;

/**
 * The operator's dashboard and the widget's files: a closed bucket behind CloudFront, whose headers let a page load
 * nothing from elsewhere. It has no data and can be recreated. A command uploads the files
 * (tools/operator/upload-dashboard.ts), because CDK's own construct adds a function that may read and write far more
 * than this bucket.
 */
export class DashboardSite extends Construct {
  /** `https://…cloudfront.net`, or the stage's own name. */
  readonly url: string;
  readonly bucketName: string;

  constructor(scope: Construct, id: string, props: DashboardSiteProps) {
    super(scope, id);
    const bucket = this.#bucket(props.accessLogs);
    this.bucketName = bucket.bucketName;
    const distribution = this.#distribution(bucket, props);
    this.url = `https://${props.domain?.name ?? distribution.distributionDomainName}`;
    const config: DashboardConfig = {
      oidc: props.oidc,
      api_base_url: '',
      widget_api_url: props.apiUrl,
      widget_base_url: `${this.url}/widget/`,
    };
    // What `npm run upload-dashboard` reads.
    new CfnOutput(this, 'Url', { value: `${this.url}/dashboard/` });
    new CfnOutput(this, 'Bucket', { value: bucket.bucketName });
    new CfnOutput(this, 'Config', { value: Stack.of(this).toJsonString(config) });
    // Target of the DNS record, where the stage has its own name.
    new CfnOutput(this, 'Target', { value: distribution.distributionDomainName });
  }

  #bucket(accessLogs: IBucket | undefined): IBucket {
    const bucket = new Bucket(this, 'Files', {
      blockPublicAccess: BlockPublicAccess.BLOCK_ALL,
      objectOwnership: ObjectOwnership.BUCKET_OWNER_ENFORCED,
      encryption: BucketEncryption.S3_MANAGED,
      enforceSSL: true,
      minimumTLSVersion: 1.2,
      // Built from the repository, and uploaded again at any time.
      removalPolicy: RemovalPolicy.DESTROY,
      ...(accessLogs !== undefined && {
        serverAccessLogsBucket: accessLogs,
        serverAccessLogsPrefix: 'dashboard-files/',
      }),
    });
    // Not CDK's `eventBridgeEnabled`, which adds a function that may change the events of every bucket.
    const resource = bucket.node.defaultChild;
    if (!(resource instanceof CfnBucket)) throw new Error('The bucket has no resource.');
    resource.notificationConfiguration = { eventBridgeConfiguration: { eventBridgeEnabled: true } };
    if (accessLogs === undefined)
      Validations.of(bucket).acknowledge({
        id: 'AwsSolutions-S1',
        reason: 'Public files alone, which every visitor of the page may read.',
      });
    // CDK's own types disagree under exactOptionalPropertyTypes.
    return bucket as IBucket;
  }

  #distribution(
    bucket: IBucket,
    { apiUrl, signInOrigins, domain, accessLogs }: DashboardSiteProps,
  ): Distribution {
    const pages = this.#headers('Pages', 'no-cache', dashboardPolicy([apiUrl, ...signInOrigins, ...OPENAI]));
    const assets = this.#headers('Assets', 'public, max-age=31536000, immutable', "default-src 'none'");
    const files = S3BucketOrigin.withOriginAccessControl(bucket);
    const common = { viewerProtocolPolicy: ViewerProtocolPolicy.REDIRECT_TO_HTTPS, compress: true };
    const page: BehaviorOptions = {
      ...common,
      origin: files,
      // A new version is visible immediately without an invalidation, because large files have a hash in their name.
      cachePolicy: CachePolicy.CACHING_DISABLED,
      responseHeadersPolicy: pages,
      functionAssociations: [
        {
          eventType: FunctionEventType.VIEWER_REQUEST,
          function: new EdgeFunction(this, 'RouteInBrowser', {
            code: FunctionCode.fromInline(ROUTE_IN_BROWSER),
            runtime: FunctionRuntime.JS_2_0,
            comment: 'Places inside the dashboard are its one page',
          }),
        },
      ],
    };
    const api: BehaviorOptions = {
      ...common,
      viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
      origin: new HttpOrigin(Fn.select(2, Fn.split('/', apiUrl))),
      allowedMethods: AllowedMethods.ALLOW_ALL,
      cachePolicy: CachePolicy.CACHING_DISABLED,
      originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
    };
    const distribution = new Distribution(this, 'Distribution', {
      comment: 'Spelo BYOK: dashboard and widget',
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...(domain !== undefined && {
        domainNames: [domain.name],
        minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
        certificate: Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
      }),
      defaultBehavior: page,
      additionalBehaviors: {
        '/dashboard/assets/*': {
          ...common,
          origin: files,
          cachePolicy: CachePolicy.CACHING_OPTIMIZED,
          responseHeadersPolicy: assets,
        },
        // Each file has its own Cache-Control header.
        '/widget/*': {
          ...common,
          origin: files,
          cachePolicy: CachePolicy.CACHING_OPTIMIZED,
          responseHeadersPolicy: this.#widgetHeaders(),
        },
        ...Object.fromEntries(API_PATHS.map((path) => [path, api])),
      },
      ...(accessLogs !== undefined && { logBucket: accessLogs, logFilePrefix: 'dashboard/' }),
    });
    this.#acknowledge(distribution, { named: domain !== undefined, logged: accessLogs !== undefined });
    return distribution;
  }

  #headers(id: string, cacheControl: string, contentSecurityPolicy: string): ResponseHeadersPolicy {
    return new ResponseHeadersPolicy(this, `${id}Headers`, {
      securityHeadersBehavior: {
        contentSecurityPolicy: { contentSecurityPolicy, override: true },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: {
          accessControlMaxAge: Duration.days(365),
          includeSubdomains: true,
          override: true,
        },
      },
      customHeadersBehavior: {
        customHeaders: [
          { header: 'Cache-Control', value: cacheControl, override: true },
          {
            header: 'Permissions-Policy',
            value: 'microphone=(self), camera=(), geolocation=()',
            override: true,
          },
        ],
      },
    });
  }

  /** Pages of other origins load the widget, with subresource integrity. */
  #widgetHeaders(): ResponseHeadersPolicy {
    return new ResponseHeadersPolicy(this, 'WidgetHeaders', {
      corsBehavior: {
        accessControlAllowCredentials: false,
        accessControlAllowHeaders: ['*'],
        accessControlAllowMethods: ['GET', 'HEAD'],
        accessControlAllowOrigins: ['*'],
        originOverride: true,
      },
      securityHeadersBehavior: {
        contentTypeOptions: { override: true },
        strictTransportSecurity: {
          accessControlMaxAge: Duration.days(365),
          includeSubdomains: true,
          override: true,
        },
      },
      customHeadersBehavior: {
        customHeaders: [{ header: 'Cross-Origin-Resource-Policy', value: 'cross-origin', override: true }],
      },
    });
  }

  #acknowledge(
    distribution: Distribution,
    { named, logged }: { readonly named: boolean; readonly logged: boolean },
  ): void {
    const resource = distribution.node.defaultChild;
    if (!(resource instanceof CfnDistribution)) throw new Error('The distribution has no resource.');
    const acknowledge = (id: string, reason: string): void =>
      Validations.of(distribution).acknowledge({ id, reason });
    if (!named)
      acknowledge(
        'AwsSolutions-CFR4',
        'The distribution has the name that CloudFront gives it, for which the protocol cannot be chosen.',
      );
    acknowledge(
      'AwsSolutions-CFR1',
      'Operators sign in from wherever they are; who may is decided by the issuer and by membership.',
    );
    acknowledge(
      'AwsSolutions-CFR2',
      'Static files, and management routes that ask for a signed token; the API has its own throttling.',
    );
    if (!logged)
      acknowledge('AwsSolutions-CFR3', 'The API logs every request to it; what remains are public files.');
  }
}
