import { describe, expect, test } from '@jest/globals';
import { liveExampleApp } from './example-app.ts';
import {
  conditionInWords,
  exampleApp,
  inWords,
  ofType,
  type SynthesizedStack,
  statementsOfRole,
  templateOf,
} from './synthesized.ts';

/**
 * A first deployment that fails is rolled back, what is left of the stack is deleted by the next `cdk deploy`, and the stack
 * is created again. Nothing may stand in the way of any of the three.
 */

const everything = (deletionProtection: boolean) => {
  const { data, api, audit, observability, edge, dashboard, replicas } = exampleApp({
    stage: 'prod',
    settings: {
      deletionProtection,
      multiRegion: { replicaRegions: ['eu-west-1'] },
      operators: { permissionSets: ['Ops', 'Break.Glass'] },
    },
  });
  return [data, api, audit, observability, edge, dashboard, ...replicas].filter(
    (stack) => stack !== undefined,
  );
};

const first = everything(false);
const later = everything(true);
const resourcesOf = (stacks: readonly SynthesizedStack[]) =>
  stacks.flatMap((stack) => templateOf(stack).resources);

/** Properties with which a template chooses the name of a resource that has to be unique. */
const NAMES: Readonly<Record<string, string>> = {
  'AWS::CloudTrail::Trail': 'TrailName',
  'AWS::DynamoDB::Table': 'TableName',
  'AWS::Logs::LogGroup': 'LogGroupName',
  'AWS::S3::Bucket': 'BucketName',
  'AWS::SQS::Queue': 'QueueName',
};

/** No name, or one that two resources may have. */
const WITHOUT_UNIQUE_NAME = ['AWS::KMS::Key', 'AWS::KMS::ReplicaKey', 'AWS::Cognito::UserPool'];

describe('a failed first deployment', () => {
  test('leaves nothing: resources that are retained later are deleted on its rollback', () => {
    const kept = resourcesOf(first).filter(
      ({ DeletionPolicy }) => DeletionPolicy !== undefined && DeletionPolicy !== 'Delete',
    );
    expect(kept.length).toBeGreaterThan(30);
    for (const { name, DeletionPolicy, UpdateReplacePolicy } of kept)
      expect([name, DeletionPolicy, UpdateReplacePolicy]).toEqual([name, 'RetainExceptOnCreate', 'Retain']);
  });

  test('can be deleted, because neither stacks nor tables nor pools are protected', () => {
    for (const stack of first) expect(stack.terminationProtection).toBe(false);
    for (const { Properties } of resourcesOf(first)) {
      expect(Properties['DeletionProtectionEnabled'] ?? false).toBe(false);
      expect(Properties['DeletionProtection'] ?? 'INACTIVE').toBe('INACTIVE');
    }
  });

  test('can be repeated, because retained resources have a unique name from AWS or with the stack ID', () => {
    const kept = resourcesOf(first).filter(({ DeletionPolicy }) => DeletionPolicy === 'RetainExceptOnCreate');
    const named = kept.flatMap(({ Type, Properties }) => {
      const property = NAMES[Type];
      if (property === undefined) {
        expect(WITHOUT_UNIQUE_NAME).toContain(Type);
        return [];
      }
      return property in Properties ? [JSON.stringify(Properties[property])] : [];
    });
    expect(named).toHaveLength(1);
    expect(named[0]).toContain('AWS::StackId');
  });

  test('causes a warning until the stage is protected', () => {
    const warned = (deletionProtection: boolean) =>
      liveExampleApp({ stage: 'prod', settings: { deletionProtection } })
        .app.node.findAll()
        .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'))
        .map(({ data }) => String(data))
        .filter((text) => !text.includes('is still') && !text.includes('still names'));
    expect(warned(false)).toEqual([expect.stringContaining('Set deletionProtection to true in cdk.json')]);
    expect(warned(true)).toEqual([]);
  });
});

describe('a placeholder in cdk.json', () => {
  const warned = (stage: 'dev' | 'prod') =>
    liveExampleApp({ stage })
      .app.node.findAll()
      .flatMap(({ node }) => node.metadata.filter(({ type }) => type === 'aws:cdk:warning'))
      .map(({ data }) => /^stages\.prod\.(\S+) (?:is still|still names)/.exec(String(data))?.[1]);

  test('is named by every synthesis, without its value', () => {
    expect(warned('prod').toSorted()).toEqual([
      'alarmEmail',
      'dashboard.domain.certificateArn',
      'dashboard.domain.name',
      'domain.certificateArn',
      'domain.name',
      'edge.acceptedDigests.0',
      'signIn.cognito.callbackUrls.0',
      'signIn.cognito.callbackUrls.1',
    ]);
  });

  test('is not part of the stage dev, which can be deployed unchanged', () => {
    expect(warned('dev')).toEqual([]);
  });
});

describe('the stage dev', () => {
  const { data } = exampleApp();
  const own = templateOf(data);

  test('uses its own sign-in pool, with a prefix that ends with the account ID', () => {
    const [domain, ...more] = ofType(own, 'AWS::Cognito::UserPoolDomain');
    expect(more).toEqual([]);
    expect(inWords(domain?.Properties['Domain'], own)).toBe('spelo-byok-dev-{AWS::AccountId}');
    const [client] = ofType(own, 'AWS::Cognito::UserPoolClient');
    // The command that signs the first owner in uses the code flow of this client, and needs nothing else of it.
    expect(client?.Properties).toMatchObject({
      AllowedOAuthFlows: ['code'],
      CallbackURLs: ['http://localhost:8789/callback'],
      GenerateSecret: false,
    });
    expect(client?.Properties).not.toHaveProperty('ExplicitAuthFlows');
  });
});

describe('each later deployment', () => {
  test('protects the stacks with resources in use, and the API while CloudFront reads its ID', () => {
    const protectedStacks = later.filter(({ terminationProtection }) => terminationProtection);
    expect(protectedStacks.map(({ stackName }) => stackName.replace('spelo-byok-prod-', ''))).toEqual([
      'data',
      'api',
      'audit',
      'replica-eu-west-1',
    ]);
  });

  test('protects the tables and the user pool', () => {
    const flags = resourcesOf(later).flatMap(({ Type, Properties }) => {
      if (Type === 'AWS::DynamoDB::Table') return [Properties['DeletionProtectionEnabled']];
      return Type === 'AWS::Cognito::UserPool' ? [Properties['DeletionProtection']] : [];
    });
    expect(flags).toEqual([...Array.from({ length: 6 }, () => true), 'ACTIVE']);
  });

  test('changes nothing but the protection', () => {
    const without = (stacks: readonly SynthesizedStack[]) =>
      JSON.stringify(resourcesOf(stacks)).replaceAll(
        /"DeletionProtection(Enabled)?":("ACTIVE"|"INACTIVE"|true|false),?/g,
        '',
      );
    expect(without(later)).toBe(without(first));
  });
});

describe('each resource with tags', () => {
  test('names its product, stage and owner', () => {
    const tags = [
      { Key: 'owner', Value: 'platform' },
      { Key: 'product', Value: 'spelo-byok' },
      { Key: 'stage', Value: 'prod' },
    ];
    const tagged = resourcesOf(first).filter(({ Properties }) => 'Tags' in Properties);
    expect(tagged.length).toBeGreaterThan(90);
    for (const { Properties } of tagged) {
      const { Tags } = Properties;
      expect(Array.isArray(Tags) ? Tags : { map: Tags }).toEqual(
        Array.isArray(Tags)
          ? expect.arrayContaining(tags)
          : { map: { owner: 'platform', product: 'spelo-byok', stage: 'prod' } },
      );
    }
    for (const type of [
      'AWS::DynamoDB::Table',
      'AWS::KMS::Key',
      'AWS::Lambda::Function',
      'AWS::S3::Bucket',
      'AWS::IAM::Role',
    ])
      for (const { Type, Properties } of resourcesOf(first))
        if (Type === type) expect(Properties).toHaveProperty('Tags');
  });
});

describe('operators who sign in with IAM Identity Center', () => {
  const [data] = first;
  if (data === undefined) throw new Error('There is no data stack.');
  const own = templateOf(data);
  const words = (value: unknown) => inWords(value, own);
  const operators = ofType(own, 'AWS::IAM::Role').filter(({ name }) => /(?<!BreakGlass)Operator$/.test(name));
  const path = 'arn:aws:iam::{AWS::AccountId}:role/aws-reserved/sso.amazonaws.com';

  test.each(operators.map((role) => [role.name, role] as const))(
    'can assume %s from the permission sets of the stage, in any region of Identity Center',
    (_, role) => {
      const { Statement } = Object(role.Properties['AssumeRolePolicyDocument']);
      expect(Statement).toHaveLength(2);
      expect(Statement[0].Condition).toEqual({ Bool: { 'aws:MultiFactorAuthPresent': 'true' } });
      expect(Statement[1]).toMatchObject({ Effect: 'Allow', Action: 'sts:AssumeRole' });
      expect(words(Statement[1].Principal.AWS)).toBe('arn:aws:iam::{AWS::AccountId}:root');
      expect(conditionInWords(Statement[1].Condition, words)).toBe(
        `ArnLike aws:PrincipalArn = ${['Ops', 'Break.Glass']
          .flatMap((name) =>
            ['', '/*'].map((region) => `${path}${region}/AWSReservedSSO_${name}_${'?'.repeat(16)}`),
          )
          .join(' or ')}`,
      );
      expect(statementsOfRole(role).length).toBeGreaterThan(0);
    },
  );

  test('cannot be confused with a permission set of a similar name, or a role outside the path', () => {
    const [role] = operators;
    const { Statement } = Object(role?.Properties['AssumeRolePolicyDocument']);
    const patterns: readonly string[] = Statement[1].Condition.ArnLike['aws:PrincipalArn'].map(words);
    const matches = (arn: string): boolean =>
      patterns.some((pattern) =>
        new RegExp(
          `^${pattern
            .replace(/[.{}:+]/g, '\\$&')
            .replaceAll('*', '.*')
            .replaceAll('?', '.')}$`,
        ).test(arn),
      );
    expect(matches(`${path}/AWSReservedSSO_Ops_0123456789abcdef`)).toBe(true);
    expect(matches(`${path}/eu-west-1/AWSReservedSSO_Ops_0123456789abcdef`)).toBe(true);
    expect(matches(`${path}/eu-west-1/AWSReservedSSO_Ops_Read_0123456789abcdef`)).toBe(false);
    expect(matches(`${path}/AWSReservedSSO_BreakXGlass_0123456789abcdef`)).toBe(false);
    expect(matches('arn:aws:iam::{AWS::AccountId}:role/AWSReservedSSO_Ops_0123456789abcdef')).toBe(false);
  });
});
