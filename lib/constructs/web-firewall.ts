import { LogGroup } from 'aws-cdk-lib/aws-logs';
import { CfnLoggingConfiguration, CfnWebACL } from 'aws-cdk-lib/aws-wafv2';
import { ArnFormat, RemovalPolicy, Stack } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import type { Edge, StageConfig } from '../stage-config.ts';

export interface WebFirewallProps {
  readonly stage: string;
  readonly edge: Edge;
  readonly config: Pick<StageConfig, 'logRetentionDays'>;
}

/** AWS's groups, in the order in which they are asked, and the rules in them that only count here. */
const MANAGED: readonly { readonly name: string; readonly countOnly: readonly string[] }[] = [
  { name: 'AWSManagedRulesAmazonIpReputationList', countOnly: [] },
  { name: 'AWSManagedRulesKnownBadInputsRuleSet', countOnly: [] },
  {
    name: 'AWSManagedRulesCommonRuleSet',
    // A site's instructions are prose of up to 16 KB, which may mention scripts and addresses. The functions accept
    // bodies of 64 KB, validate each with its schema, and never render any part as a page.
    countOnly: [
      'SizeRestrictions_BODY',
      'CrossSiteScripting_BODY',
      'GenericRFI_BODY',
      'GenericLFI_BODY',
      'EC2MetaDataSSRF_BODY',
    ],
  },
];

/** Of the web ACL, and in its metrics. */
export const firewallNameOf = (stage: string): string => `spelo-byok-${stage}`;

/** A web ACL of AWS WAF for CloudFront: a rate per address, then AWS's managed rules. Blocked requests are logged. */
export class WebFirewall extends Construct {
  readonly arn: string;

  constructor(scope: Construct, id: string, { stage, edge, config }: WebFirewallProps) {
    super(scope, id);
    const name = firewallNameOf(stage);
    const visible = (metricName: string) => ({
      cloudWatchMetricsEnabled: true,
      metricName,
      // Samples hold whole requests, with their headers.
      sampledRequestsEnabled: false,
    });
    const acl = new CfnWebACL(this, 'Acl', {
      name,
      scope: 'CLOUDFRONT',
      defaultAction: { allow: {} },
      visibilityConfig: visible(name),
      rules: [
        {
          name: 'TooManyRequests',
          priority: 0,
          action: { block: { customResponse: { responseCode: 429 } } },
          statement: {
            rateBasedStatement: {
              aggregateKeyType: 'IP',
              limit: edge.requestsPer5Minutes,
              evaluationWindowSec: 300,
            },
          },
          visibilityConfig: visible('TooManyRequests'),
        },
        ...MANAGED.map((group, index) => ({
          name: group.name,
          priority: index + 1,
          overrideAction: { none: {} },
          statement: {
            managedRuleGroupStatement: {
              vendorName: 'AWS',
              name: group.name,
              ...(group.countOnly.length > 0 && {
                ruleActionOverrides: group.countOnly.map((rule) => ({
                  name: rule,
                  actionToUse: { count: {} },
                })),
              }),
            },
          },
          visibilityConfig: visible(group.name),
        })),
      ],
    });
    this.arn = acl.attrArn;
    this.#log(name, acl, config.logRetentionDays);
  }

  /** Logs only blocked requests, without tokens, signatures and cookies. */
  #log(name: string, acl: CfnWebACL, retention: StageConfig['logRetentionDays']): void {
    const logs = new LogGroup(this, 'Logs', {
      // WAF writes only to log groups with this prefix. A fixed name would collide with a retained group at the next
      // deployment.
      logGroupName: `aws-waf-logs-${name}`,
      retention,
      removalPolicy: RemovalPolicy.DESTROY,
    });
    new CfnLoggingConfiguration(this, 'Logging', {
      resourceArn: acl.attrArn,
      logDestinationConfigs: [
        // Without the `:*` at the end, which WAF does not accept.
        Stack.of(this).formatArn({
          service: 'logs',
          resource: 'log-group',
          resourceName: logs.logGroupName,
          arnFormat: ArnFormat.COLON_RESOURCE_NAME,
        }),
      ],
      redactedFields: [
        { singleHeader: { Name: 'authorization' } },
        { singleHeader: { Name: 'cookie' } },
        { queryString: {} },
      ],
      loggingFilter: {
        DefaultBehavior: 'DROP',
        Filters: [
          {
            Behavior: 'KEEP',
            Requirement: 'MEETS_ANY',
            Conditions: [{ ActionCondition: { Action: 'BLOCK' } }],
          },
        ],
      },
    });
  }
}
