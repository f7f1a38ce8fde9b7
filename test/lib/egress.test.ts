import { describe, expect, test } from '@jest/globals';
import {
  exampleApp,
  ofType,
  type Resource,
  type StackTemplate,
  type SynthesizedStack,
  templateOf,
} from './synthesized.ts';

/** Functions that see an OpenAI key in plain text. */
const PLAINTEXT = ['Hangup/Broker', 'Keys', 'Rotate', 'RotateOnRequest/Broker', 'Token', 'Watch/Broker'];

const networkOf = (stacks: readonly SynthesizedStack[]): SynthesizedStack => {
  const found = stacks.find(({ stackName }) => stackName.endsWith('-network'));
  if (found === undefined) throw new Error('There is no network stack.');
  return found;
};

/** `PrivateSubnet` for a reference to it, also where another stack imports it; parts of a joined text in a row. */
const nameOf = (value: unknown, own: StackTemplate): string => {
  if (typeof value === 'string') return value;
  const { Ref, 'Fn::GetAtt': attribute, 'Fn::ImportValue': imported, 'Fn::Join': joined } = Object(value);
  if (joined !== undefined) return joined[1].map((part: unknown) => nameOf(part, own)).join('');
  const output = Object.values(own.outputs).find(
    ({ Export }) => imported !== undefined && Export?.Name === imported,
  );
  if (output !== undefined) return nameOf(output.Value, own);
  const id: string = Ref ?? attribute?.[0] ?? '';
  return id.startsWith('AWS::') ? `{${id}}` : id.replace(/^Egress(?:Egress)?|[0-9A-F]{8}$/g, '');
};

interface NetworkStatement {
  readonly Effect: string;
  readonly Action: string | readonly string[];
  readonly Condition?: unknown;
}

/** All statements of a role, also those that forbid something. */
const statementsOf = ({ Properties }: Resource): readonly NetworkStatement[] =>
  Object(Properties['Policies']).flatMap(
    (policy: { readonly PolicyDocument: { readonly Statement: readonly NetworkStatement[] } }) =>
      policy.PolicyDocument.Statement,
  );
const actionsOf = ({ Action }: NetworkStatement): readonly string[] =>
  typeof Action === 'string' ? [Action] : Action;

const plain = exampleApp();
const fixed = exampleApp({ settings: { egress: 'static' } });
const guarded = exampleApp({ settings: { egress: 'openai-only' } });

const functionsOf = ({ api, audit }: typeof plain) =>
  [api, audit].flatMap((stack) => ofType(templateOf(stack), 'AWS::Lambda::Function'));

describe('a stage without egress', () => {
  test('has no network, no address and no firewall', () => {
    expect(plain.stacks.map(({ stackName }) => stackName)).not.toContainEqual(
      expect.stringMatching(/network/),
    );
    expect(JSON.stringify(plain.stacks)).not.toMatch(/AWS::EC2|NetworkFirewall|VpcConfig|ec2:/);
  });
});

describe('the egress setting "static"', () => {
  const own = templateOf(networkOf(fixed.stacks));
  const words = (value: unknown) => nameOf(value, own);
  const only = (type: string) => {
    const [found, ...more] = ofType(own, type);
    if (found === undefined || more.length > 0) throw new Error(`There is not exactly one ${type}.`);
    return found;
  };

  test('places exactly the functions with plaintext in the network', () => {
    const placed = functionsOf(fixed).filter(({ Properties }) => 'VpcConfig' in Properties);
    expect(placed.map(({ name }) => name.replace('/Function', '')).toSorted()).toEqual(PLAINTEXT);
    for (const { Properties } of placed) {
      const { SubnetIds, SecurityGroupIds } = Object(Properties['VpcConfig']);
      const [subnet] = SubnetIds.map((id: unknown) => nameOf(id, own));
      const [group] = SecurityGroupIds.map((id: unknown) => nameOf(id, own));
      expect([subnet, group]).toEqual(['PrivateSubnet', 'Functions']);
    }
  });

  test('changes nothing else in the stage', () => {
    const without = ({ stacks }: typeof plain) =>
      stacks
        .filter(({ stackName }) => !stackName.endsWith('-network'))
        .flatMap((stack) => templateOf(stack).resources)
        .filter(({ name }) => !PLAINTEXT.some((prefix) => name.startsWith(`${prefix}/`)))
        .map((resource) => JSON.stringify(resource));
    // Dependencies on a role's policy are the only text that differs, and roles are compared below.
    expect(without(fixed)).toEqual(without(plain));
  });

  test("allows Lambda to attach a function, and forbids the same calls to the function's code", () => {
    const roles = [fixed.api, fixed.audit].flatMap((stack) => ofType(templateOf(stack), 'AWS::IAM::Role'));
    const added = roles.flatMap((role) => {
      const network = statementsOf(role).filter((statement) =>
        actionsOf(statement).includes('ec2:CreateNetworkInterface'),
      );
      return network.length === 0 ? [] : [{ name: role.name, network }];
    });
    expect(added.map(({ name }) => name.replace('/Role', '')).toSorted()).toEqual(PLAINTEXT);
    for (const { network } of added) {
      const [allow, deny, ...more] = network;
      expect(more).toEqual([]);
      expect([allow?.Effect, deny?.Effect]).toEqual(['Allow', 'Deny']);
      expect(allow?.Action).toEqual(expect.arrayContaining([...(deny?.Action ?? [])]));
      expect(JSON.stringify(deny?.Condition)).toMatch(
        /"ArnEquals":\{"lambda:SourceFunctionArn":.*:function:spelo-byok-dev-/,
      );
    }
  });

  test('has one way out, with an address that survives the stack', () => {
    const address = only('AWS::EC2::EIP');
    expect([address.DeletionPolicy, address.UpdateReplacePolicy]).toEqual(['RetainExceptOnCreate', 'Retain']);
    expect(words(only('AWS::EC2::NatGateway').Properties['AllocationId'])).toBe('Address');
    const routes = ofType(own, 'AWS::EC2::Route').map(({ Properties }) => [
      words(Properties['RouteTableId']),
      Properties['DestinationCidrBlock'],
      words(Properties['NatGatewayId'] ?? Properties['GatewayId']),
    ]);
    expect(routes.toSorted()).toEqual([
      ['NatRoutes', '0.0.0.0/0', 'Internet'],
      ['PrivateRoutes', '0.0.0.0/0', 'NatGateway'],
    ]);
    expect(Object.keys(own.outputs)).toContain('EgressAddress');
  });

  test('keeps calls to AWS inside the network, with an endpoint for each required service', () => {
    const endpoints = ofType(own, 'AWS::EC2::VPCEndpoint').map(({ Properties }) =>
      words(Properties['ServiceName']).split('.').at(-1),
    );
    const roles = [fixed.api, fixed.audit].flatMap((stack) => ofType(templateOf(stack), 'AWS::IAM::Role'));
    const called = new Set(
      roles
        .filter(({ name }) => PLAINTEXT.includes(name.replace('/Role', '')))
        .flatMap((role) => statementsOf(role).flatMap(actionsOf))
        .map((action) => action.split(':')[0]),
    );
    // Lambda itself sends logs and traces, and calls EC2.
    for (const outside of ['logs', 'xray', 'ec2']) called.delete(outside);
    expect(endpoints.toSorted()).toEqual([...called].toSorted());
  });

  test('opens no port, and allows functions only HTTPS connections', () => {
    const groups = ofType(own, 'AWS::EC2::SecurityGroup').map(({ logicalId, Properties }) => [
      words({ Ref: logicalId }),
      Properties['SecurityGroupIngress'] === undefined
        ? []
        : Object(Properties['SecurityGroupIngress']).map((rule: Record<string, unknown>) =>
            words(rule['SourceSecurityGroupId']),
          ),
      Object(Properties['SecurityGroupEgress']).map((rule: Record<string, unknown>) => rule['ToPort']),
    ]);
    expect(groups).toEqual([
      ['Functions', [], [443]],
      ['Endpoints', ['Functions'], [443]],
    ]);
  });
});

describe('the egress setting "openai-only"', () => {
  const own = templateOf(networkOf(guarded.stacks));
  const words = (value: unknown) => nameOf(value, own);

  test('allows the names of OpenAI and of the issuer, and refuses all other connections', () => {
    const [rules] = ofType(own, 'AWS::NetworkFirewall::RuleGroup');
    const list = Object(rules?.Properties['RuleGroup']).RulesSource.RulesSourceList;
    expect(list.Targets.map((target: unknown) => words(target))).toEqual([
      'api.openai.com',
      '.api.openai.com',
      'cognito-idp.{AWS::Region}.{AWS::URLSuffix}',
    ]);
    expect([list.GeneratedRulesType, list.TargetTypes]).toEqual(['ALLOWLIST', ['TLS_SNI']]);
    const [policy] = ofType(own, 'AWS::NetworkFirewall::FirewallPolicy');
    expect(policy?.Properties['FirewallPolicy']).toMatchObject({
      StatelessDefaultActions: ['aws:forward_to_sfe'],
      StatelessFragmentDefaultActions: ['aws:forward_to_sfe'],
      StatefulDefaultActions: ['aws:drop_established', 'aws:alert_established'],
      StatefulEngineOptions: { RuleOrder: 'STRICT_ORDER' },
    });
  });

  test('allows the host of another issuer instead of Cognito', () => {
    const { stacks } = exampleApp({
      settings: { egress: 'openai-only', signIn: { issuer: 'https://login.shop.test/', audience: 'spelo' } },
    });
    const [rules] = ofType(templateOf(networkOf(stacks)), 'AWS::NetworkFirewall::RuleGroup');
    expect(Object(rules?.Properties['RuleGroup']).RulesSource.RulesSourceList.Targets).toEqual([
      'api.openai.com',
      '.api.openai.com',
      'login.shop.test',
    ]);
  });

  test('routes all traffic through the firewall in both directions', () => {
    const routes = ofType(own, 'AWS::EC2::Route').map(({ Properties }) => [
      words(Properties['RouteTableId']),
      Properties['DestinationCidrBlock'],
      Properties['VpcEndpointId'] === undefined
        ? words(Properties['NatGatewayId'] ?? Properties['GatewayId'])
        : 'the firewall',
    ]);
    expect(routes.toSorted()).toEqual([
      ['Back', '10.71.0.64/28', 'the firewall'],
      ['FirewallRoutes', '0.0.0.0/0', 'Internet'],
      ['NatRoutes', '0.0.0.0/0', 'the firewall'],
      ['PrivateRoutes', '0.0.0.0/0', 'NatGateway'],
    ]);
  });
});
