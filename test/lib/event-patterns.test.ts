import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { exampleApp, ofType, type StackTemplate, templateOf } from './synthesized.ts';

/** Quota "Event pattern size": https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html */
const MAX_CHARACTERS = 2_048;

/** As long as AWS has them: the longest partition and region, and the id of a multi-Region key. */
const ID = `mrk-${'0123456789abcdef'.repeat(2)}`;
const REGION = 'ap-southeast-5';
const ACCOUNT = '111122223333';
const keyArn = (id: string): string => `arn:aws-us-gov:kms:${REGION}:${ACCOUNT}:key/${id}`;
const RETIRED = Array.from({ length: 9 }, (_, index) =>
  keyArn(`${index}0000000-0000-0000-0000-000000000000`).replace('aws-us-gov', 'aws'),
);

const withRetired = exampleApp({ settings: { retiredMasterKeyArns: RETIRED } });
const own = templateOf(withRetired.audit);
const data = templateOf(withRetired.data);

const arnOf = z.strictObject({ 'Fn::GetAtt': z.tuple([z.string(), z.literal('Arn')]) });

/** The pattern as CloudFormation hands it to EventBridge: every reference replaced by a value of real length. */
const deployed = (template: StackTemplate, pattern: unknown): string =>
  JSON.stringify(pattern, (_, value: unknown) => {
    if (typeof value !== 'object' || value === null) return value;
    const [intrinsic, argument] = Object.entries(value)[0] ?? [];
    if (intrinsic === 'Fn::ImportValue') {
      const exported = Object.values(data.outputs).find(({ Export }) => Export?.Name === argument);
      if (exported === undefined) throw new Error(`Nothing exports ${argument}.`);
      return arnOf.safeParse(exported.Value).success ? keyArn(ID) : ID;
    }
    if (intrinsic === 'Fn::GetAtt') return keyArn(ID);
    if (intrinsic === 'Ref')
      return template.resources.some((found) => found.logicalId === argument) ? ID : REGION;
    // The trail's name and ARN.
    if (intrinsic === 'Fn::Join')
      return `arn:aws-us-gov:cloudtrail:${REGION}:${ACCOUNT}:trail/${'t'.repeat(68)}`;
    return value;
  });

const rules = ofType(own, 'AWS::Events::Rule').filter(({ Properties }) => Properties['EventPattern']);
const lengths = rules.map(
  ({ name, Properties }) => [name, deployed(own, Properties['EventPattern'])] as const,
);

describe('the event patterns of a stage with nine retired master keys', () => {
  test.each(lengths)('of %s have at most 2,048 characters with ARNs of real length', (_, pattern) => {
    expect(pattern).not.toMatch(/Fn::|"Ref"/);
    expect(pattern.length).toBeLessThanOrEqual(MAX_CHARACTERS);
  });

  test.each(['PutKeyPolicy', 'CreateGrant', 'DisableKey'])(
    'include %s on every retired master key, by ID and by ARN',
    (eventName) => {
      const watching = lengths.filter(([, pattern]) => pattern.includes(`"${eventName}"`));
      for (const arn of RETIRED) {
        const id = arn.slice(arn.lastIndexOf('/') + 1);
        expect(watching.filter(([, pattern]) => pattern.includes(`"${arn}","${id}"`))).toHaveLength(1);
      }
    },
  );
});

describe('an alarm on several rules', () => {
  test('counts every rule', () => {
    const alarm = ofType(own, 'AWS::CloudWatch::Alarm').find(({ name }) => name === 'KeyPolicyChanged/Alarm');
    const metrics = z
      .array(
        z.object({
          Expression: z.string().optional(),
          MetricStat: z
            .object({
              Metric: z.object({ Dimensions: z.tuple([z.object({ Value: z.object({ Ref: z.string() }) })]) }),
            })
            .optional(),
        }),
      )
      .parse(alarm?.Properties['Metrics']);
    const counted = metrics.flatMap(({ MetricStat }) => MetricStat?.Metric.Dimensions[0].Value.Ref ?? []);
    const named = rules
      .filter(({ name }) => name.startsWith('KeyPolicyChanged/'))
      .map(({ logicalId }) => logicalId);
    expect(counted.sort()).toEqual(named.sort());
    expect(metrics[0]?.Expression).toBe(named.map((_, index) => `FILL(rule${index}, 0)`).join(' + '));
  });
});
