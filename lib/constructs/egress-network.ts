import {
  CfnEIP,
  CfnFlowLog,
  CfnInternetGateway,
  CfnNatGateway,
  CfnRoute,
  CfnRouteTable,
  CfnSecurityGroup,
  CfnSubnet,
  CfnSubnetRouteTableAssociation,
  CfnVPC,
  CfnVPCEndpoint,
  CfnVPCGatewayAttachment,
} from 'aws-cdk-lib/aws-ec2';
import { PolicyDocument, PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, type RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Aws, Fn, RemovalPolicy } from 'aws-cdk-lib/core';
import { Construct } from 'constructs';
import { EgressFirewall } from './egress-firewall.ts';

/** The place of a function in a network: the properties of Lambda's `VpcConfig`. */
export interface NetworkPlace {
  readonly subnetId: string;
  readonly securityGroupId: string;
}

export interface EgressNetworkProps {
  readonly stage: string;
  readonly logRetention: RetentionDays;
  /** Host names that may be reached; a leading dot stands for every name below. @default all names */
  readonly allowedHosts: readonly string[] | undefined;
}

const NETWORK = '10.71.0.0/24';
const SUBNETS = { private: '10.71.0.0/26', nat: '10.71.0.64/28', firewall: '10.71.0.80/28' } as const;
const EVERYWHERE = '0.0.0.0/0';

/** AWS services of the functions that hold plaintext, besides DynamoDB (lib/role-permissions.ts). */
const SERVICES = ['kms', 'sqs', 'lambda'] as const;

/**
 * A network whose only way out has one fixed address, for functions that hold plaintext. Calls to AWS stay inside, at
 * endpoints. One address means one NAT gateway, and so one Availability Zone
 * (docs/decisions/0085-one-address-for-plaintext.md).
 */
export class EgressNetwork extends Construct {
  readonly place: NetworkPlace;
  /** The address that OpenAI sees. It outlives the stack, because customers have it in their allow lists. */
  readonly address: string;

  constructor(scope: Construct, id: string, props: EgressNetworkProps) {
    super(scope, id);
    const { stage, logRetention, allowedHosts } = props;
    const vpc = new CfnVPC(this, 'Vpc', {
      cidrBlock: NETWORK,
      enableDnsHostnames: true,
      enableDnsSupport: true,
    });
    const vpcId = vpc.attrVpcId;
    this.#recordTraffic(vpcId, logRetention);
    const gateway = new CfnInternetGateway(this, 'Internet');
    const attached = new CfnVPCGatewayAttachment(this, 'Attachment', {
      vpcId,
      internetGatewayId: gateway.attrInternetGatewayId,
    });

    const subnet = (name: string, cidrBlock: string) => {
      const made = new CfnSubnet(this, `${name}Subnet`, {
        vpcId,
        cidrBlock,
        availabilityZone: Fn.select(0, Fn.getAzs()),
        mapPublicIpOnLaunch: false,
      });
      const { attrRouteTableId: routeTableId } = new CfnRouteTable(this, `${name}Routes`, { vpcId });
      new CfnSubnetRouteTableAssociation(this, `${name}Association`, {
        subnetId: made.attrSubnetId,
        routeTableId,
      });
      return { subnetId: made.attrSubnetId, routeTableId };
    };
    const functions = subnet('Private', SUBNETS.private);
    const nat = subnet('Nat', SUBNETS.nat);

    const eip = new CfnEIP(this, 'Address', { domain: 'vpc' });
    eip.applyRemovalPolicy(RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE);
    eip.addDependency(attached);
    this.address = eip.attrPublicIp;
    const natGateway = new CfnNatGateway(this, 'NatGateway', {
      subnetId: nat.subnetId,
      allocationId: eip.attrAllocationId,
    });
    new CfnRoute(this, 'PrivateOut', {
      routeTableId: functions.routeTableId,
      destinationCidrBlock: EVERYWHERE,
      natGatewayId: natGateway.attrNatGatewayId,
    });

    if (allowedHosts === undefined) {
      const out = new CfnRoute(this, 'NatOut', {
        routeTableId: nat.routeTableId,
        destinationCidrBlock: EVERYWHERE,
        gatewayId: gateway.attrInternetGatewayId,
      });
      out.addDependency(attached);
      natGateway.addDependency(out);
    } else {
      const firewall = subnet('Firewall', SUBNETS.firewall);
      new EgressFirewall(this, 'Egress', {
        stage,
        vpcId,
        allowedHosts,
        logRetention,
        natRange: SUBNETS.nat,
        nat,
        firewall,
        internetGatewayId: gateway.attrInternetGatewayId,
        attached,
      });
    }

    const group = new CfnSecurityGroup(this, 'Functions', {
      vpcId,
      groupDescription: 'Spelo BYOK: functions that hold plaintext. HTTPS out, nothing in',
      securityGroupEgress: [
        { ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: EVERYWHERE, description: 'HTTPS' },
      ],
    });
    this.place = { subnetId: functions.subnetId, securityGroupId: group.attrGroupId };
    this.#endpoints(vpcId, functions, group.attrGroupId);
  }

  #endpoints(
    vpcId: string,
    { subnetId, routeTableId }: { readonly subnetId: string; readonly routeTableId: string },
    functionsGroupId: string,
  ): void {
    const service = (name: string): string => `com.amazonaws.${Aws.REGION}.${name}`;
    new CfnVPCEndpoint(this, 'DynamoDb', {
      vpcId,
      vpcEndpointType: 'Gateway',
      serviceName: service('dynamodb'),
      routeTableIds: [routeTableId],
    });
    const group = new CfnSecurityGroup(this, 'Endpoints', {
      vpcId,
      groupDescription: 'Spelo BYOK: endpoints of AWS, for the functions alone',
      securityGroupIngress: [
        { ipProtocol: 'tcp', fromPort: 443, toPort: 443, sourceSecurityGroupId: functionsGroupId },
      ],
      // Endpoints open no connections. Without this rule, EC2 would allow all.
      securityGroupEgress: [{ ipProtocol: 'tcp', fromPort: 443, toPort: 443, cidrIp: '127.0.0.1/32' }],
    });
    for (const name of SERVICES)
      new CfnVPCEndpoint(this, `${name}Endpoint`, {
        vpcId,
        vpcEndpointType: 'Interface',
        serviceName: service(name),
        subnetIds: [subnetId],
        securityGroupIds: [group.attrGroupId],
        privateDnsEnabled: true,
      });
  }

  /** Refused connections, by address and port: no content. */
  #recordTraffic(vpcId: string, retention: RetentionDays): void {
    const logs = new LogGroup(this, 'Traffic', {
      retention,
      removalPolicy: RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE,
    });
    const role = new Role(this, 'TrafficRole', {
      assumedBy: new ServicePrincipal('vpc-flow-logs.amazonaws.com'),
      inlinePolicies: {
        logs: new PolicyDocument({
          statements: [
            new PolicyStatement({
              actions: ['logs:CreateLogStream', 'logs:PutLogEvents', 'logs:DescribeLogStreams'],
              resources: [logs.logGroupArn],
            }),
          ],
        }),
      },
    });
    new CfnFlowLog(this, 'FlowLog', {
      resourceId: vpcId,
      resourceType: 'VPC',
      trafficType: 'REJECT',
      logGroupName: logs.logGroupName,
      deliverLogsPermissionArn: role.roleArn,
    });
  }
}
