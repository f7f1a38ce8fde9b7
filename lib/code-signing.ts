import { CfnCodeSigningConfig, CfnFunction } from 'aws-cdk-lib/aws-lambda';
import { Stack } from 'aws-cdk-lib/core';
import type { IConstruct } from 'constructs';

/**
 * Makes Lambda refuse code that this version of a signing profile did not sign, for every function of every stack below `root`.
 * Lambda checks a signature when code is deployed, not when it runs.
 * https://docs.aws.amazon.com/lambda/latest/dg/configuration-codesigning.html
 */
export const signFunctions = (root: IConstruct, signingProfileVersionArn: string): void => {
  const configurations = new Map<Stack, CfnCodeSigningConfig>();
  const functions = root.node.findAll().filter((construct) => construct instanceof CfnFunction);
  for (const resource of functions) {
    const stack = Stack.of(resource);
    const configuration =
      configurations.get(stack) ??
      new CfnCodeSigningConfig(stack, 'CodeSigning', {
        description: stack.stackName,
        allowedPublishers: { signingProfileVersionArns: [signingProfileVersionArn] },
        codeSigningPolicies: { untrustedArtifactOnDeployment: 'Enforce' },
      });
    configurations.set(stack, configuration);
    resource.codeSigningConfigArn = configuration.attrCodeSigningConfigArn;
  }
};
