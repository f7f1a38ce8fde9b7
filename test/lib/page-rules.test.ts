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
const prod = exampleApp({ stage: 'prod' });

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

/** Names of the functions of CloudFront in a stack. */
const functionsIn = (own: StackTemplate): readonly unknown[] =>
  ofType(own, 'AWS::CloudFront::Function').map(({ Properties }) => Properties['Name']);

const BUCKET = 'Dashboard/Files';
const DISTRIBUTION = 'Dashboard/Distribution';

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
 * A record of CloudFront, whose calls for CloudFormation come from `AWS Internal` and not from its name.
 * https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/logging_using_cloudtrail.html
 */
const update = (eventName: string, requestParameters: Readonly<Record<string, unknown>>, more = {}) =>
  call('cloudfront', eventName, {
    userIdentity: { type: 'IAMUser', arn: 'arn:aws:iam::111122223333:user/smithj', userName: 'smithj' },
    ...request({ ifMatch: 'E9LHASXEXAMPLE', ...requestParameters }),
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

  test('have these events, because the bucket sends them to EventBridge', () => {
    const [bucket] = ofType(dashboard, 'AWS::S3::Bucket');
    expect(bucket?.Properties['NotificationConfiguration']).toEqual({
      EventBridgeConfiguration: { EventBridgeEnabled: true },
    });
  });

  test('write an entry for each file to a log that EventBridge may write, and send no message for each', () => {
    const rule = ofType(dashboard, 'AWS::Events::Rule').find(({ name }) => name === 'FilesRule');
    const words = (value: unknown) => inWords(value, dashboard, stack(elsewhere.audit));
    expect([rule?.Properties['Targets']].flat().map((target) => words(Object(target).Arn))).toEqual([
      'arn:{AWS::Partition}:logs:eu-central-1:{AWS::AccountId}:log-group:FileEvents',
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
      'spelo-byok-dev-the-serving-of-the-dashboard-was-changed',
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
  ])('notice %s on the bucket, and not on another', (name) => {
    expect(notices(call('s3', name, request({ bucketName: BUCKET })))).toEqual(['Serving/BucketRule']);
    expect(notices(call('s3', name, request({ bucketName: 'photos' })))).toEqual([]);
  });
});

describe.each([
  ['outside of us-east-1', elsewhere, stack(elsewhere.changes[0]), [stack(elsewhere.dashboard)]],
  ['in us-east-1', inUsEast1, stack(inUsEast1.dashboard), [stack(inUsEast1.audit)]],
] as const)('the rule on the distribution of a stage %s', (_, app, own, others) => {
  const notices = noticesOf(own, ...others);
  const ofCloudFront = (event: unknown) => notices(event).filter((name) => name === 'Serving/CloudFrontRule');
  const dashboard = stack(app.dashboard);

  test('notices a change of the distribution, with and without a version in the name of the call', () => {
    for (const name of ['UpdateDistribution', 'UpdateDistribution2014_01_31', 'DeleteDistribution'])
      expect(notices(update(name, { id: DISTRIBUTION }))).toEqual(['Serving/CloudFrontRule']);
    expect(notices(update('UpdateDistribution', { id: 'EDFDVBD6EXAMPLE' }))).toEqual([]);
    expect(notices(update('GetDistribution', { id: DISTRIBUTION }))).toEqual([]);
  });

  test('notices a change of each policy of response headers, of the origin access and of the function', () => {
    const ids = (type: string) => ofType(dashboard, type).map(({ name }) => name);
    const headers = ids('AWS::CloudFront::ResponseHeadersPolicy');
    const access = ids('AWS::CloudFront::OriginAccessControl');
    expect([headers.length, access.length]).toEqual([3, 1]);
    for (const id of headers)
      expect(ofCloudFront(update('UpdateResponseHeadersPolicy', { id }))).toHaveLength(1);
    for (const id of access) expect(ofCloudFront(update('UpdateOriginAccessControl', { id }))).toHaveLength(1);
    const functions = functionsIn(dashboard);
    expect(functions).toHaveLength(1);
    for (const name of functions) {
      expect(ofCloudFront(update('UpdateFunction', { name }))).toHaveLength(1);
      expect(ofCloudFront(update('PublishFunction', { name }))).toHaveLength(1);
    }
  });

  test('notices nothing that CloudFormation does, whichever address its record has', () => {
    for (const sourceIPAddress of ['AWS Internal', 'cloudformation.amazonaws.com'])
      expect(
        notices(
          update(
            'UpdateDistribution',
            { id: DISTRIBUTION },
            { sourceIPAddress, userIdentity: { invokedBy: 'cloudformation.amazonaws.com' } },
          ),
        ),
      ).toEqual([]);
    const byConsole = update('UpdateDistribution', { id: DISTRIBUTION }, { sourceIPAddress: 'AWS Internal' });
    expect(notices(byConsole)).toEqual(['Serving/CloudFrontRule']);
  });
});

describe('the rules of a stage with names of its own', () => {
  const { changes, dashboard, edge } = prod;

  test('notice that the name of the dashboard or of the API is moved to another distribution', () => {
    const pages = noticesOf(stack(changes[0]), stack(dashboard));
    const api = noticesOf(stack(edge));
    for (const [eventName, name] of [
      ['AssociateAlias', 'alias'],
      ['UpdateDomainAssociation', 'domain'],
    ] as const) {
      const moved = (domain: string) =>
        update(eventName, { targetDistributionId: 'EDFDVBD6EXAMPLE', [name]: domain });
      expect(pages(moved('dashboard.example.com'))).toEqual(['Serving/CloudFrontRule']);
      expect(api(moved('voice.example.com'))).toEqual(['EdgeChanged/Rule']);
      expect(pages(moved('other.example.com'))).toEqual([]);
    }
  });

  test('notice a change of the edge, of its function, and that WAF is detached', () => {
    const own = stack(edge);
    const notices = noticesOf(own);
    const [name] = functionsIn(own);
    for (const event of [
      update('UpdateDistribution', { id: 'Distribution' }),
      update('DisassociateDistributionWebACL', { id: 'Distribution' }),
      update('UpdateFunction', { name }),
    ])
      expect(notices(event)).toEqual(['EdgeChanged/Rule']);
  });

  test('have at most 2,048 characters in each pattern, with ids of real length', () => {
    // https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-quota.html
    for (const own of [stack(changes[0]), stack(edge), stack(dashboard)])
      for (const { name, Properties } of ofType(own, 'AWS::Events::Rule')) {
        const pattern = JSON.stringify(resolved(Properties['EventPattern'], () => 'x'.repeat(64)));
        expect([name, pattern.length <= 2_048]).toEqual([name, true]);
      }
  });
});

test('A stage without a dashboard has no rule, alarm or log for one.', () => {
  const { stacks } = exampleApp({
    settings: { region: 'eu-central-1', edge: exampleEdge },
  });
  const names = stacks
    .map(templateOf)
    .flatMap(({ resources }) => resources.map(({ name }) => name))
    .filter((name) => /^(?:Serving|File)/.test(name));
  expect(names).toEqual([]);
});
