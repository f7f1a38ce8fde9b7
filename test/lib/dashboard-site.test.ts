import { describe, expect, it } from '@jest/globals';
import { Template } from 'aws-cdk-lib/assertions';
import { App, Stack, Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { z } from 'zod';
import { DashboardSite } from '../../lib/constructs/dashboard-site.ts';
import type { Domain } from '../../lib/stage-config.ts';

const app = new App();
Validations.of(app).addPlugins(new AwsSolutionsChecks(app));
const siteIn = (name: string, domain?: Domain): Stack => {
  const stack = new Stack(app, name);
  new DashboardSite(stack, 'Dashboard', {
    apiUrl: 'https://abc123.execute-api.eu-central-1.amazonaws.com',
    oidc: { issuer: 'https://issuer.example.com/', client_id: 'dashboard', scope: 'openid', audience: null },
    signInOrigins: ['https://issuer.example.com'],
    domain,
  });
  return stack;
};
const certificateArn = 'arn:aws:acm:us-east-1:111122223333:certificate/1';
const stacks = [siteIn('dashboard'), siteIn('named', { name: 'pages.example.com', certificateArn })] as const;
const [template, named] = [Template.fromStack(stacks[0]), Template.fromStack(stacks[1])];

const behavior = z.object({
  PathPattern: z.string().optional(),
  ViewerProtocolPolicy: z.string(),
  ResponseHeadersPolicyId: z.unknown().optional(),
  AllowedMethods: z.array(z.string()).optional(),
});
const distribution = z
  .object({
    Properties: z.object({
      DistributionConfig: z.object({ DefaultCacheBehavior: behavior, CacheBehaviors: z.array(behavior) }),
    }),
  })
  .parse(Object.values(template.findResources('AWS::CloudFront::Distribution'))[0])
  .Properties.DistributionConfig;

describe('the deployed dashboard', () => {
  it('is a bucket that only its distribution reads, over TLS', () => {
    template.hasResourceProperties('AWS::S3::Bucket', {
      PublicAccessBlockConfiguration: {
        BlockPublicAcls: true,
        BlockPublicPolicy: true,
        IgnorePublicAcls: true,
        RestrictPublicBuckets: true,
      },
    });
    const policies = JSON.stringify(template.findResources('AWS::S3::BucketPolicy'));
    expect(policies).toContain('"Service":"cloudfront.amazonaws.com"');
    expect(policies).toContain('"aws:SecureTransport":"false"');
    expect(policies).not.toContain('"Principal":"*","Resource"');
  });

  it('allows its pages to load only from their own origin, and to call sign-in, API and OpenAI', () => {
    const policies = JSON.stringify(template.findResources('AWS::CloudFront::ResponseHeadersPolicy'));
    expect(policies).toContain(
      "connect-src 'self' https://abc123.execute-api.eu-central-1.amazonaws.com https://issuer.example.com https://api.openai.com https://*.api.openai.com;",
    );
    expect(policies).toContain("script-src 'self';");
    expect(policies).not.toContain('unsafe');
  });

  it('sends security headers with every file, and accepts only TLS', () => {
    const behaviors = [distribution.DefaultCacheBehavior, ...distribution.CacheBehaviors];
    for (const { PathPattern, ResponseHeadersPolicyId, ViewerProtocolPolicy } of behaviors) {
      expect(ViewerProtocolPolicy).toMatch(/^(?:redirect-to-https|https-only)$/);
      if (PathPattern?.startsWith('/v1/') !== true) expect(ResponseHeadersPolicyId).toBeDefined();
    }
  });

  it('forwards only management routes, so that the API sees the addresses of visitors', () => {
    const passed = distribution.CacheBehaviors.filter(({ AllowedMethods }) =>
      AllowedMethods?.includes('PUT'),
    );
    expect(passed.map(({ PathPattern }) => PathPattern).sort()).toEqual([
      '/v1/cost-estimate',
      '/v1/health',
      '/v1/pricing',
      '/v1/sites/*',
      '/v1/workspaces',
      '/v1/workspaces/*',
    ]);
  });

  it('with its own domain has this name, its certificate, and at least TLS 1.2', () => {
    named.hasResourceProperties('AWS::CloudFront::Distribution', {
      DistributionConfig: {
        Aliases: ['pages.example.com'],
        ViewerCertificate: {
          AcmCertificateArn: certificateArn,
          MinimumProtocolVersion: 'TLSv1.2_2021',
          SslSupportMethod: 'sni-only',
        },
      },
    });
    const outputs = JSON.stringify(named.findOutputs('*'));
    expect(outputs).toContain('"Value":"https://pages.example.com/dashboard/"');
    expect(outputs).toContain('https://pages.example.com/widget/');
  });

  it('adds no function and no role to the account', () => {
    template.resourceCountIs('AWS::Lambda::Function', 0);
    template.resourceCountIs('AWS::IAM::Role', 0);
  });

  it('breaks no AWS Solutions rule, except those acknowledged with a reason', () => {
    expect(() => app.synth()).not.toThrow();
  });
});
