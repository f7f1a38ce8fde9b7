import {
  CfnGatewayRouteTableAssociation,
  CfnRoute,
  CfnRouteTable,
  type CfnVPCGatewayAttachment,
} from 'aws-cdk-lib/aws-ec2';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import {
  CfnFirewall,
  CfnFirewallPolicy,
  CfnLoggingConfiguration,
  CfnRuleGroup,
} from 'aws-cdk-lib/aws-networkfirewall';
import { Fn, RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';

interface RoutedSubnet {
  readonly subnetId: string;
  readonly routeTableId: string;
}

export interface EgressFirewallProps {
  readonly stage: string;
  readonly vpcId: string;
  readonly allowedHosts: readonly string[];
  readonly logRetention: RetentionDays;
  /** The range of the NAT gateway's subnet: answers to it come back through the firewall. */
  readonly natRange: string;
  readonly nat: RoutedSubnet;
  readonly firewall: RoutedSubnet;
  readonly internetGatewayId: string;
  readonly attached: CfnVPCGatewayAttachment;
}

/** Names in a ClientHello. A rule group takes a hundred in this mode. */
const CAPACITY = 100;
const EVERYWHERE = '0.0.0.0/0';

/**
 * AWS Network Firewall between the NAT gateway and the internet: only TLS to the allowed names passes, in both
 * directions. Decrypts nothing. Routes as in
 * https://docs.aws.amazon.com/network-firewall/latest/developerguide/arch-igw-ngw.html
 */
export class EgressFirewall extends Construct {
  constructor(scope: Construct, id: string, props: EgressFirewallProps) {
    super(scope, id);
    const { stage, vpcId, allowedHosts, nat, firewall, internetGatewayId } = props;
    const name = `spelo-byok-${stage}-egress`;
    const rules = new CfnRuleGroup(this, 'Names', {
      ruleGroupName: name,
      type: 'STATEFUL',
      capacity: CAPACITY,
      ruleGroup: {
        statefulRuleOptions: { ruleOrder: 'STRICT_ORDER' },
        rulesSource: {
          rulesSourceList: {
            generatedRulesType: 'ALLOWLIST',
            targetTypes: ['TLS_SNI'],
            targets: [...allowedHosts],
          },
        },
      },
    });
    const policy = new CfnFirewallPolicy(this, 'Policy', {
      firewallPolicyName: name,
      firewallPolicy: {
        statelessDefaultActions: ['aws:forward_to_sfe'],
        statelessFragmentDefaultActions: ['aws:forward_to_sfe'],
        statefulEngineOptions: { ruleOrder: 'STRICT_ORDER' },
        // Allows the TCP handshake, which comes before the name, and drops everything else without an allowing rule.
        statefulDefaultActions: ['aws:drop_established', 'aws:alert_established'],
        statefulRuleGroupReferences: [{ resourceArn: rules.attrRuleGroupArn, priority: 1 }],
      },
    });
    const made = new CfnFirewall(this, 'Firewall', {
      firewallName: name,
      firewallPolicyArn: policy.attrFirewallPolicyArn,
      vpcId,
      subnetMappings: [{ subnetId: firewall.subnetId }],
    });
    // The only entry of the list: `eu-central-1a:vpce-0123`.
    const vpcEndpointId = Fn.select(1, Fn.split(':', Fn.select(0, made.attrEndpointIds)));
    new CfnRoute(this, 'NatOut', {
      routeTableId: nat.routeTableId,
      destinationCidrBlock: EVERYWHERE,
      vpcEndpointId,
    });
    new CfnRoute(this, 'FirewallOut', {
      routeTableId: firewall.routeTableId,
      destinationCidrBlock: EVERYWHERE,
      gatewayId: internetGatewayId,
    }).addDependency(props.attached);
    const back = new CfnRouteTable(this, 'Back', { vpcId });
    new CfnRoute(this, 'BackToNat', {
      routeTableId: back.attrRouteTableId,
      destinationCidrBlock: props.natRange,
      vpcEndpointId,
    });
    new CfnGatewayRouteTableAssociation(this, 'BackAssociation', {
      gatewayId: internetGatewayId,
      routeTableId: back.attrRouteTableId,
    }).addDependency(props.attached);

    const logs = new LogGroup(this, 'Refused', {
      retention: props.logRetention,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    new CfnLoggingConfiguration(this, 'Logging', {
      firewallArn: made.attrFirewallArn,
      loggingConfiguration: {
        logDestinationConfigs: [
          {
            logType: 'ALERT',
            logDestinationType: 'CloudWatchLogs',
            logDestination: { logGroup: logs.logGroupName },
          },
        ],
      },
    });
  }
}
