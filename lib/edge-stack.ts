import { Certificate } from 'aws-cdk-lib/aws-certificatemanager';
import {
  AllowedMethods,
  CachePolicy,
  Distribution,
  Function as EdgeFunction,
  FunctionCode,
  FunctionEventType,
  FunctionRuntime,
  HeadersFrameOption,
  HeadersReferrerPolicy,
  HttpVersion,
  OriginProtocolPolicy,
  OriginRequestPolicy,
  OriginSslPolicy,
  ResponseHeadersPolicy,
  SecurityPolicyProtocol,
  ViewerProtocolPolicy,
} from 'aws-cdk-lib/aws-cloudfront';
import { HttpOrigin } from 'aws-cdk-lib/aws-cloudfront-origins';
import {
  CfnOutput,
  CrossStackReferences,
  Duration,
  ReferenceStrength,
  SecretValue,
  Stack,
  type StackProps,
  Validations,
} from 'aws-cdk-lib/core';
import type { Construct } from 'constructs';
import { SECURITY_HEADERS } from '../lambdas/contract/security-headers.ts';
import { AlarmTopic } from './constructs/alarm-topic.ts';
import { WebFirewall } from './constructs/web-firewall.ts';
import { addEdgeAlarms } from './observability/edge-alarms.ts';
import type { Edge, StageConfig } from './stage-config.ts';

export interface EdgeStackProps extends StackProps {
  readonly config: StageConfig;
  readonly edge: Edge;
  /** `<id>.execute-api.<region>.amazonaws.com` */
  readonly apiHost: string;
}

/**
 * The address of the viewer, which overwrites a header of the viewer with that name. CloudFront's own header of it is
 * not among those of the managed policy that leaves out `Host`, which API Gateway needs to be its own.
 */
const TELL_ADDRESS = `function handler(event) {
  event.request.headers['x-viewer-address'] = { value: event.viewer.ip };
  return event.request;
}
`;

/**
 * CloudFront, and WAF where the stage wants it, in front of the HTTP API, which WAF cannot protect itself. Each request
 * gets a secret whose digest the functions know. They refuse requests without it
 * (docs/decisions/0020-the-edge-proves-itself.md). Nothing is cached. Lives in us-east-1, wherever the API is.
 */
export class EdgeStack extends Stack {
  constructor(scope: Construct, id: string, { config, edge, apiHost, ...props }: EdgeStackProps) {
    super(scope, id, { description: 'Spelo BYOK: CloudFront and WAF', ...props });
    const { stage, domain } = config;
    // Exports stay within a region. The API's ID is this stack's only import (createStacks explains what prevents its
    // deletion).
    CrossStackReferences.of(this).consume(ReferenceStrength.WEAK);

    const firewall = edge.waf ? new WebFirewall(this, 'Firewall', { stage, edge, config }) : undefined;
    const distribution = new Distribution(this, 'Distribution', {
      comment: `Spelo BYOK ${stage}`,
      httpVersion: HttpVersion.HTTP2_AND_3,
      ...(domain !== undefined && {
        domainNames: [domain.name],
        minimumProtocolVersion: SecurityPolicyProtocol.TLS_V1_2_2021,
        certificate: Certificate.fromCertificateArn(this, 'Certificate', domain.certificateArn),
      }),
      ...(firewall !== undefined && { webAclId: firewall.arn }),
      defaultBehavior: {
        origin: new HttpOrigin(apiHost, {
          protocolPolicy: OriginProtocolPolicy.HTTPS_ONLY,
          originSslProtocols: [OriginSslPolicy.TLS_V1_2],
          // The same timeout as API Gateway's own.
          readTimeout: Duration.seconds(30),
          keepaliveTimeout: Duration.seconds(60),
          // Resolved by CloudFormation at deployment: neither the template nor the stage's settings hold the secret.
          customHeaders: { 'x-origin-verify': SecretValue.secretsManager(edge.secretName).unsafeUnwrap() },
        }),
        allowedMethods: AllowedMethods.ALLOW_ALL,
        cachePolicy: CachePolicy.CACHING_DISABLED,
        originRequestPolicy: OriginRequestPolicy.ALL_VIEWER_EXCEPT_HOST_HEADER,
        viewerProtocolPolicy: ViewerProtocolPolicy.HTTPS_ONLY,
        responseHeadersPolicy: this.#responseHeaders(stage),
        functionAssociations: [
          {
            eventType: FunctionEventType.VIEWER_REQUEST,
            function: new EdgeFunction(this, 'TellAddress', {
              code: FunctionCode.fromInline(TELL_ADDRESS),
              runtime: FunctionRuntime.JS_2_0,
              comment: 'Sets x-viewer-address',
            }),
          },
        ],
      },
    });
    this.#acknowledge(distribution, config);

    const topic = new AlarmTopic(this, 'Alarms', { stage, name: 'edge-alarms', email: config.alarmEmail });
    addEdgeAlarms(this, {
      stage,
      topic,
      distributionId: distribution.distributionId,
      firewall: firewall !== undefined,
    });

    new CfnOutput(this, 'AlarmTopicArn', { value: topic.topicArn });
    new CfnOutput(this, 'EdgeUrl', { value: `https://${domain?.name ?? distribution.domainName}` });
    new CfnOutput(this, 'EdgeTarget', { value: distribution.domainName });
    new CfnOutput(this, 'DistributionId', { value: distribution.distributionId });
    if (firewall !== undefined) new CfnOutput(this, 'FirewallArn', { value: firewall.arn });
  }

  /** Also for responses that CloudFront and API Gateway create themselves. */
  #responseHeaders(stage: string): ResponseHeadersPolicy {
    return new ResponseHeadersPolicy(this, 'Headers', {
      comment: `Spelo BYOK ${stage}`,
      securityHeadersBehavior: {
        contentSecurityPolicy: {
          contentSecurityPolicy: SECURITY_HEADERS['content-security-policy'],
          override: false,
        },
        contentTypeOptions: { override: true },
        frameOptions: { frameOption: HeadersFrameOption.DENY, override: true },
        referrerPolicy: { referrerPolicy: HeadersReferrerPolicy.NO_REFERRER, override: true },
        strictTransportSecurity: {
          accessControlMaxAge: Duration.days(730),
          includeSubdomains: true,
          override: true,
        },
      },
    });
  }

  #acknowledge(distribution: Distribution, { domain, edge }: StageConfig): void {
    const rules: [string, string][] = [
      ['CFR1', 'Widgets stand on pages all over the world; whom a site serves is for its owner to say.'],
      [
        'CFR3',
        'API Gateway logs each request that passes, WAF each that it blocks. CloudFront would log query strings, in which sendBeacon carries signatures.',
      ],
    ];
    if (edge?.waf !== true)
      rules.push(['CFR2', 'The stage has WAF switched off; the functions limit rates per address and site.']);
    if (domain === undefined)
      rules.push([
        'CFR4',
        "Without its own domain the distribution has CloudFront's certificate, whose TLS versions CloudFront fixes.",
      ]);
    for (const [rule, reason] of rules)
      Validations.of(distribution).acknowledge({ id: `AwsSolutions-${rule}`, reason });
  }
}
