import { describe, expect, test } from '@jest/globals';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks } from 'cdk-nag';
import { z } from 'zod';
import { exampleApp } from './synthesized.ts';

const acknowledgedRules = z.record(z.string(), z.string());

describe('the rules of AWS Solutions', () => {
  test('find nothing that is not acknowledged', () => {
    const { app } = exampleApp();
    expect(new AwsSolutionsChecks(app).validateScope(app).violations).toEqual([]);
  });

  test('would find a bucket without access logs, and stop the synthesis', () => {
    const { app, data } = exampleApp();
    new Bucket(data, 'Careless');
    const found = new AwsSolutionsChecks(app).validateScope(app).violations.map(({ ruleName }) => ruleName);
    expect(found).toContain('AwsSolutions-S1');
  });

  test('are acknowledged for these only, each with its reason', () => {
    const { app } = exampleApp();
    const acknowledged = app.node.findAll().flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) =>
          Object.entries(acknowledgedRules.parse(data)).map(([rule, reason]) => ({
            at: node.path.split('/').slice(1).join('/'),
            rule,
            reason,
          })),
        ),
    );
    const withoutAuthorizer = [
      'allowTokenOrigin',
      'mintToken',
      'allowEventsOrigin',
      'reportEvents',
      'readPricing',
      'estimateCost',
      'health',
      'unknownRoute',
    ];
    expect(
      acknowledged.map(({ at, rule }) => [at, rule.replace(/^.*?(AwsSolutions-.*?)(?:<.*>.*)?$/, '$1')]),
    ).toEqual([
      ...withoutAuthorizer.map((route) => [`Api/${route}`, 'AwsSolutions-APIG4']),
      ['Projector/DeadLetters', 'AwsSolutions-SQS3'],
      ['Projector/Broker/Role', 'AwsSolutions-IAM5[Resource::*]'],
      // Objects below audit/ of the archive.
      ['Archiver', 'AwsSolutions-IAM5[Resource::'],
      ['Archiver/DeadLetters', 'AwsSolutions-SQS3'],
      ['Archiver/Broker/Role', 'AwsSolutions-IAM5[Resource::*]'],
      ['Detector/DeadLetters', 'AwsSolutions-SQS3'],
      ['Detector/Broker/Role', 'AwsSolutions-IAM5[Resource::*]'],
      ['RotateOnRequest/DeadLetters', 'AwsSolutions-SQS3'],
    ]);
    for (const { reason } of acknowledged) expect(reason.length).toBeGreaterThan(40);
  });
});

describe('the default rules for CloudFormation', () => {
  test('pass when the app is synthesized', () => {
    const { app } = exampleApp();
    expect(app.synth().stacks.map(({ stackName }) => stackName)).toEqual([
      'spelo-byok-dev-data',
      'spelo-byok-dev-api',
      'spelo-byok-dev-audit',
    ]);
  });
});
