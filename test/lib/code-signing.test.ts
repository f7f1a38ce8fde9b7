import { describe, expect, test } from '@jest/globals';
import { exampleApp, ofType, type SynthesizedStack, templateOf } from './synthesized.ts';

const PROFILE = 'arn:aws:signer:eu-central-1:123456789012:/signing-profiles/spelo/a1B2c3D4e5';
const plain = exampleApp();
const signed = exampleApp({ settings: { codeSigningProfileVersionArn: PROFILE } });

const WITH_FUNCTIONS = ['api', 'audit'];
const resourcesOf = ({ stacks }: { readonly stacks: readonly SynthesizedStack[] }, type: string) =>
  stacks.flatMap((stack) =>
    ofType(templateOf(stack), type).map(({ Properties }) => ({ stack: stack.stackName, Properties })),
  );

describe('a stage with code signing', () => {
  test('has one configuration in each stack with functions, and refuses unsigned code', () => {
    const configurations = resourcesOf(signed, 'AWS::Lambda::CodeSigningConfig');
    expect(configurations.map(({ stack }) => stack.replace(/^.*-/, '')).sort()).toEqual(WITH_FUNCTIONS);
    for (const { stack, Properties } of configurations)
      expect(Properties).toMatchObject({
        Description: stack,
        AllowedPublishers: { SigningProfileVersionArns: [PROFILE] },
        CodeSigningPolicies: { UntrustedArtifactOnDeployment: 'Enforce' },
      });
  });

  test('has no function without the configuration', () => {
    const functions = resourcesOf(signed, 'AWS::Lambda::Function');
    expect(functions).toHaveLength(resourcesOf(plain, 'AWS::Lambda::Function').length);
    for (const { Properties } of functions)
      expect(Properties['CodeSigningConfigArn']).toEqual({
        'Fn::GetAtt': ['CodeSigning', 'CodeSigningConfigArn'],
      });
  });
});

test('a stage accepts unsigned code by default, because cdk deploy signs nothing', () => {
  expect(JSON.stringify(plain.stacks)).not.toMatch(/CodeSigning(?:Config|Policies)/);
});
