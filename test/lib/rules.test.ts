import { describe, expect, test } from '@jest/globals';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Validations } from 'aws-cdk-lib/core';
import { AwsSolutionsChecks, ServerlessChecks } from 'cdk-nag';
import { z } from 'zod';
import { liveExampleApp } from './example-app.ts';
import { EXAMPLE_STAGES, exampleApp } from './synthesized.ts';

const acknowledgedRules = z.record(z.string(), z.string());
const PACKS = { 'AWS Solutions': AwsSolutionsChecks, Serverless: ServerlessChecks } as const;
const cases = EXAMPLE_STAGES.flatMap((stage) => Object.keys(PACKS).map((pack) => ({ stage, pack })));
const packOf = (name: string) => {
  const found = Object.entries(PACKS).find(([pack]) => pack === name);
  if (found === undefined) throw new Error(`There is no pack ${name}.`);
  return found[1];
};

const apps = new Map<string, ReturnType<typeof liveExampleApp>['app']>();
/** The app of a stage, built once. Rules read it and change nothing. */
const appOf = (stage: (typeof EXAMPLE_STAGES)[number]) => {
  const app = apps.get(stage) ?? liveExampleApp({ stage }).app;
  apps.set(stage, app);
  return app;
};

/** `AwsSolutions-S1 at Careless`, without the logical ids that a rule names. */
const acknowledgedIn = (stage: (typeof EXAMPLE_STAGES)[number]) =>
  appOf(stage)
    .node.findAll()
    .flatMap(({ node }) =>
      node.metadata
        .filter(({ type }) => type === Validations.ACKNOWLEDGED_RULES_METADATA_KEY)
        .flatMap(({ data }) =>
          Object.entries(acknowledgedRules.parse(data)).map(([rule, reason]) => ({
            what: `${rule.replace(/^.*?((?:AwsSolutions|Serverless)-.*?)(?:<.*>.*)?$/, '$1')} at ${node.path.split('/').slice(1).join('/')}`,
            reason,
          })),
        ),
    );

describe.each(cases)('the rules of $pack on the stage $stage', ({ stage, pack }) => {
  test('find only acknowledged violations', () => {
    const app = appOf(stage);
    expect(new (packOf(pack))(app).validateScope(app).violations).toEqual([]);
  });
});

describe('the rule acknowledgements', () => {
  test('do not hide a bucket without access logs, which stops the synthesis', () => {
    const { app, data } = liveExampleApp();
    new Bucket(data, 'Careless');
    const found = new AwsSolutionsChecks(app).validateScope(app).violations.map(({ ruleName }) => ruleName);
    expect(found).toContain('AwsSolutions-S1');
  });

  test.each(EXAMPLE_STAGES)('on %s are exactly the recorded ones, each with a reason', (stage) => {
    const acknowledged = acknowledgedIn(stage);
    expect(acknowledged.map(({ what }) => what).sort()).toMatchSnapshot();
    for (const { reason } of acknowledged) expect(reason.length).toBeGreaterThan(40);
  });
});

describe('the default rules for CloudFormation', () => {
  test('pass when the app is synthesized', () => {
    // Synthesis throws where a rule is broken.
    expect(exampleApp().stacks.map(({ stackName }) => stackName)).toEqual([
      'spelo-byok-dev-data',
      'spelo-byok-dev-api',
      'spelo-byok-dev-audit',
      'spelo-byok-dev-observability',
    ]);
  });
});
