import { describe, expect, test } from '@jest/globals';
import { z } from 'zod';
import { call, matches, request, resolved } from './event-pattern.ts';
import {
  exampleApp,
  exampleEdge,
  inWords,
  ofType,
  type StackTemplate,
  type SynthesizedStack,
  templateOf,
} from './synthesized.ts';

const elsewhere = exampleApp({ settings: { region: 'eu-central-1', dashboard: {} } });
const inUsEast1 = exampleApp({ settings: { region: 'us-east-1', dashboard: {} } });
const withEdge = exampleApp({ settings: { region: 'eu-central-1', edge: exampleEdge } });

const stack = (found: SynthesizedStack | undefined): StackTemplate => {
  if (found === undefined) throw new Error('The stage has no such stack.');
  return templateOf(found);
};

/** The names of the rules of a stack that an event matches. */
const noticesOf =
  (own: StackTemplate, ...others: readonly StackTemplate[]) =>
  (event: unknown): readonly string[] =>
    ofType(own, 'AWS::Events::Rule')
      .filter(({ Properties }) =>
        matches(
          resolved(Properties['EventPattern'], (value) => inWords(value, own, ...others)),
          event,
        ),
      )
      .map(({ name }) => name);

const BUCKET = 'Dashboard/Files';

/** Events of S3: https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html */
const objectEvent = (detailType: string, reason: string, bucket: string) => ({
  version: '0',
  id: '17793124-05d4-b198-2fde-7ededc63b103',
  'detail-type': detailType,
  source: 'aws.s3',
  account: '111122223333',
  time: '2021-11-12T00:00:00Z',
  region: 'ca-central-1',
  resources: [`arn:aws:s3:::${bucket}`],
  detail: {
    version: '0',
    bucket: { name: bucket },
    object: { key: 'dashboard/index.html', size: 5, etag: 'b1946ac92492d2347c6235b4d2611184' },
    'request-id': 'N4N7GDK58NMKJ12R',
    requester: '123456789012',
    'source-ip-address': '1.2.3.4',
    reason,
  },
});

/**
 * A record of CloudFront. Those of CloudFormation's calls have its name in `invokedBy`, and not always as address.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/logging_using_cloudtrail.html
 */
const update = (eventName: string, more = {}) =>
  call('cloudfront', eventName, {
    userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::111122223333:user/smithj', userName: 'smithj' },
    ...request({ id: 'EDFDVBD6EXAMPLE', ifMatch: 'E9LHASXEXAMPLE' }),
    ...more,
  });

describe('the rules of a stage with a dashboard', () => {
  const dashboard = stack(elsewhere.dashboard);
  const notices = noticesOf(dashboard, stack(elsewhere.audit));

  test.each([
    ['Object Created', 'PutObject'],
    ['Object Created', 'CopyObject'],
    ['Object Created', 'CompleteMultipartUpload'],
    ['Object Deleted', 'DeleteObject'],
  ])('count the event %s (%s) of a file', (detailType, reason) => {
    expect(notices(objectEvent(detailType, reason, BUCKET))).toEqual(['FilesRule']);
    expect(notices(objectEvent(detailType, reason, 'photos'))).toEqual([]);
  });

  test('receive these events, because the bucket sends them to EventBridge', () => {
    const [bucket] = ofType(dashboard, 'AWS::S3::Bucket');
    expect(bucket?.Properties['NotificationConfiguration']).toEqual({
      EventBridgeConfiguration: { EventBridgeEnabled: true },
    });
  });

  test('write a log entry for each file, and send no message for each', () => {
    const rule = ofType(dashboard, 'AWS::Events::Rule').find(({ name }) => name === 'FilesRule');
    const words = (value: unknown) => inWords(value, dashboard, stack(elsewhere.audit));
    expect([rule?.Properties['Targets']].flat().map((target) => words(Object(target).Arn))).toEqual([
      'arn:aws:logs:eu-central-1:{AWS::AccountId}:log-group:FileEvents',
    ]);
    const [log] = ofType(dashboard, 'AWS::Logs::LogGroup');
    expect(log?.Properties['LogGroupName']).toMatch(/^\/aws\/events\//);
    const [policy] = ofType(dashboard, 'AWS::Logs::ResourcePolicy');
    const text = words(policy?.Properties['PolicyDocument']);
    const { Statement } = z
      .object({ Statement: z.array(z.object({ Action: z.string(), Resource: z.string() })) })
      .parse(JSON.parse(text));
    expect(Statement).toEqual([
      { Action: 'logs:CreateLogStream', Resource: 'FileEvents' },
      { Action: 'logs:PutLogEvents', Resource: 'FileEvents' },
    ]);
  });

  test('send the alarms to the topic of the stage', () => {
    const alarms = ofType(dashboard, 'AWS::CloudWatch::Alarm');
    expect(alarms.map(({ Properties }) => Properties['AlarmName'])).toEqual([
      'spelo-byok-dev-files-of-the-dashboard-were-written',
      'spelo-byok-dev-the-bucket-of-the-dashboard-was-changed',
    ]);
    for (const { Properties } of alarms)
      expect(inWords(Properties['AlarmActions'], dashboard, stack(elsewhere.audit))).toBe('Alarms');
  });

  test.each([
    'PutBucketPolicy',
    'PutBucketWebsite',
    'PutBucketNotification',
    'PutBucketPublicAccessBlock',
    'DeleteBucketPolicy',
  ])('report %s on this bucket only', (name) => {
    expect(notices(call('s3', name, request({ bucketName: BUCKET })))).toEqual(['Bucket/Rule']);
    expect(notices(call('s3', name, request({ bucketName: 'photos' })))).toEqual([]);
  });
});

describe.each([
  ['outside of us-east-1', stack(elsewhere.changes[0]), []],
  ['in us-east-1', stack(inUsEast1.audit), [templateOf(inUsEast1.data)]],
  ['with an edge alone', stack(withEdge.changes[0]), []],
] as const)('the rule on CloudFront of a stage %s', (_, own, others) => {
  const notices = noticesOf(own, ...others);
  const rule = 'CloudFront/Rule';

  test('reports a change of a distribution, with and without a version in the call name', () => {
    for (const name of ['UpdateDistribution', 'UpdateDistribution2014_01_31', 'DeleteDistribution'])
      expect(notices(update(name))).toEqual([rule]);
    expect(notices(update('GetDistribution'))).toEqual([]);
    expect(notices(update('CreateInvalidation'))).toEqual([]);
  });

  test.each([
    'UpdateFunction',
    'PublishFunction',
    'UpdateResponseHeadersPolicy',
    'UpdateOriginAccessControl',
    'DisassociateDistributionWebACL',
    'AssociateAlias',
    'UpdateDomainAssociation',
  ])('reports %s', (name) => {
    expect(notices(update(name))).toEqual([rule]);
  });

  test('ignores changes by CloudFormation, from any address', () => {
    for (const sourceIPAddress of ['AWS Internal', 'cloudformation.amazonaws.com'])
      expect(
        notices(
          update('UpdateDistribution', {
            sourceIPAddress,
            userIdentity: { invokedBy: 'cloudformation.amazonaws.com' },
          }),
        ),
      ).toEqual([]);
    expect(notices(update('UpdateDistribution', { sourceIPAddress: 'AWS Internal' }))).toEqual([rule]);
  });
});

test('a stage without a dashboard or an edge has no rule, alarm or log for them', () => {
  const names = exampleApp({ settings: { region: 'eu-central-1' } })
    .stacks.map(templateOf)
    .flatMap(({ resources }) => resources.map(({ name }) => name))
    .filter((name) => /^(?:CloudFront|Bucket|File)/.test(name));
  expect(names).toEqual([]);
});
