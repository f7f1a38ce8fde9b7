import { describe, expect, test } from '@jest/globals';
import { call, matches, request, resolved } from './event-pattern.ts';
import { exampleApp, inWords, ofType, type SynthesizedStack, templateOf } from './synthesized.ts';

const ACCOUNT = '111122223333';
const retiredKey = (region: string, id: string): string => `arn:aws:kms:${region}:${ACCOUNT}:key/${id}`;
const MULTI = `mrk-${'1'.repeat(32)}`;
const SINGLE = '22222222-2222-2222-2222-222222222222';

const ofStage = (settings: Readonly<Record<string, unknown>>) => exampleApp({ settings });
const alone = ofStage({ region: 'eu-central-1', alarmEmail: 'on-call@example.com' });
const standBy = ofStage({ region: 'eu-central-1', multiRegion: { replicaRegions: ['eu-west-1'] } });

const stackIn = ({ changes }: ReturnType<typeof ofStage>, region: string): SynthesizedStack => {
  const found = changes.find((stack) => stack.region === region);
  if (found === undefined) throw new Error(`No stack has the notices of ${region}.`);
  return found;
};

/** The names of the rules of a stack that an event matches. */
const noticesOf =
  (stack: SynthesizedStack, ...others: readonly SynthesizedStack[]) =>
  (event: unknown): readonly string[] => {
    const own = templateOf(stack);
    // A replica of a key has no construct around it: the name of its export has its name.
    const words = (value: unknown): string =>
      /Exports(?:OutputFnGetAtt|OutputRef)([A-Z]\w+?Key)/.exec(JSON.stringify(value))?.[1] ??
      inWords(value, own, ...others.map(templateOf));
    return ofType(own, 'AWS::Events::Rule')
      .filter(({ Properties }) => matches(resolved(Properties['EventPattern'], words), event))
      .map(({ name }) => name);
  };

const regionsOf = ({ changes }: ReturnType<typeof ofStage>): readonly string[] =>
  changes.map(({ region }) => region).sort();

describe('a stage outside us-east-1', () => {
  const notices = noticesOf(stackIn(alone, 'us-east-1'));

  test('has another notices stack in us-east-1', () => {
    expect(regionsOf(alone)).toEqual(['us-east-1']);
  });

  test.each([
    'PutRolePolicy',
    'DeleteRolePolicy',
    'AttachRolePolicy',
    'UpdateAssumeRolePolicy',
    'CreateRole',
    'DeleteRole',
  ])('reports %s on its roles', (name) => {
    const event = call('iam', name, request({ roleName: 'spelo-byok-dev-token-eu-central-1' }));
    expect(notices(event)).toEqual(['Code/RoleRule']);
    expect(notices(call('iam', name, request({ roleName: 'spelo-byok-prod-token-eu-central-1' })))).toEqual(
      [],
    );
  });

  test('reports the removal of the rule, the alarm, the topic or the stack of these notices', () => {
    const rule = call('events', 'DisableRule', request({ name: 'spelo-byok-dev-changes-us-east-1-Code' }));
    expect(notices(rule)).toEqual(['Code/RuleRule']);
    const alarm = request({ alarmNames: ['spelo-byok-dev-code-or-an-alarm-was-changed'] });
    expect(notices(call('cloudwatch', 'DeleteAlarms', alarm))).toEqual(['Code/AlarmRule']);
    expect(notices(call('sns', 'Unsubscribe', request({ subscriptionArn: 'Alarms:1' })))).toEqual([
      'Code/TopicRule',
    ]);
    const stack = request({ stackName: 'spelo-byok-dev-changes-us-east-1' });
    expect(notices(call('cloudformation', 'DeleteStack', stack))).toEqual(['Code/StackRule']);
  });

  test('sends these notices to a topic in that region, with the alarm address as the subscriber', () => {
    const own = templateOf(stackIn(alone, 'us-east-1'));
    for (const { Properties } of ofType(own, 'AWS::Events::Rule'))
      expect([Properties['Targets']].flat().map((target) => inWords(Object(target).Arn, own))).toEqual([
        'Alarms',
      ]);
    for (const { Properties } of ofType(own, 'AWS::CloudWatch::Alarm'))
      expect([Properties['AlarmActions']].flat().map((arn) => inWords(arn, own))).toEqual(['Alarms']);
    expect(
      ofType(own, 'AWS::SNS::Subscription').map(({ Properties }) => [
        Properties['Protocol'],
        Properties['Endpoint'],
      ]),
    ).toEqual([['email', 'on-call@example.com']]);
  });
});

test('a stage in us-east-1 has no other notices stack, and its audit stack reports a changed role', () => {
  const stage = ofStage({ region: 'us-east-1' });
  expect(stage.changes).toEqual([]);
  const event = call('iam', 'PutRolePolicy', request({ roleName: 'spelo-byok-dev-token-us-east-1' }));
  expect(noticesOf(stage.audit, stage.data)(event)).toEqual(['Changes/Code/RoleRule']);
});

test('templates without a region have no stack for another region', () => {
  expect(exampleApp({}).changes).toEqual([]);
});

describe('a stand-by region', () => {
  const notices = noticesOf(stackIn(standBy, 'eu-west-1'));
  const keys = standBy.replicas.flatMap((replica) =>
    ofType(templateOf(replica), 'AWS::KMS::ReplicaKey').map(({ logicalId }) => logicalId),
  );

  test('has its own notices stack next to the one in us-east-1', () => {
    expect(regionsOf(standBy)).toEqual(['eu-west-1', 'us-east-1']);
    expect(keys).toEqual([
      'MasterKey',
      'FingerprintKey',
      'DerivationKey',
      'MarksKey',
      'AuditKey',
      'TablesKey',
    ]);
  });

  test.each([
    ['PutKeyPolicy', 'KeyPolicyChanged'],
    ['ReplicateKey', 'KeyCopied'],
    ['UpdatePrimaryRegion', 'KeyCopied'],
    ['CreateGrant', 'GrantCreated'],
    ['DisableKey', 'KeyEndangered'],
    ['ScheduleKeyDeletion', 'KeyEndangered'],
  ])('reports %s on each replica key', (name, rule) => {
    for (const key of keys)
      for (const event of [
        call('kms', name, { resources: [{ ARN: key }] }),
        call('kms', name, request({ keyId: key })),
      ])
        expect(notices(event)).toEqual([expect.stringMatching(new RegExp(`^${rule}/Replicated2?Rule$`))]);
  });

  test('reports a changed or copied replica table, and a write by another principal', () => {
    const tableName = `${standBy.data.stackName}-KeysTable1A2B3C`;
    expect(notices(call('dynamodb', 'UpdateTable', request({ tableName })))).toEqual(['Data/TableRule']);
    const copied = request({ sourceTableName: tableName, targetTableName: 'copy' });
    expect(notices(call('dynamodb', 'RestoreTableToPointInTime', copied))).toEqual(['Data/CopyRule']);
    const write = (issuer: string) =>
      call('dynamodb', 'PutItem', {
        resources: [{ ARN: `arn:aws:dynamodb:eu-west-1:{AWS::AccountId}:table/${tableName}` }],
        userIdentity: {
          sessionContext: {
            sessionIssuer: { arn: `arn:aws:iam::{AWS::AccountId}:role/${issuer}` },
          },
        },
      });
    expect(notices(write('Administrator'))).toEqual(['Writes/Rule']);
    expect(
      notices(
        write('aws-service-role/replication.dynamodb.amazonaws.com/AWSServiceRoleForDynamoDBReplication'),
      ),
    ).toEqual([]);
  });

  test('has its writes of keys and tenancy in the trail', () => {
    const own = templateOf(standBy.audit);
    const [trail] = ofType(own, 'AWS::CloudTrail::Trail');
    const text = JSON.stringify(trail?.Properties['AdvancedEventSelectors']);
    expect(text.match(/:dynamodb:eu-west-1:/g)).toHaveLength(2);
  });

  test('in us-east-1 has a single notices stack', () => {
    const both = ofStage({ region: 'eu-central-1', multiRegion: { replicaRegions: ['us-east-1'] } });
    expect(regionsOf(both)).toEqual(['us-east-1']);
    const rules = ofType(templateOf(stackIn(both, 'us-east-1')), 'AWS::Events::Rule').map(({ name }) => name);
    expect(rules).toEqual(expect.arrayContaining(['Code/RoleRule', 'KeyPolicyChanged/ReplicatedRule']));
  });
});

describe('a retired master key', () => {
  const RETIRED = [retiredKey('eu-west-3', SINGLE), retiredKey('eu-north-1', MULTI)];
  const stage = ofStage({
    region: 'eu-central-1',
    multiRegion: { replicaRegions: ['eu-west-1'] },
    retiredMasterKeyArns: RETIRED,
  });
  const noticedIn = (region: string, ARN: string): readonly string[] =>
    noticesOf(stackIn(stage, region))(call('kms', 'PutKeyPolicy', { resources: [{ ARN }] }));

  test('is watched in its own region', () => {
    expect(regionsOf(stage)).toEqual(['eu-north-1', 'eu-west-1', 'eu-west-3', 'us-east-1']);
    expect(noticedIn('eu-west-3', retiredKey('eu-west-3', SINGLE))).toEqual(['KeyPolicyChanged/RetiredRule']);
    expect(noticedIn('eu-north-1', retiredKey('eu-north-1', MULTI))).toEqual([
      'KeyPolicyChanged/RetiredRule',
    ]);
  });

  test('in several regions is watched in each region under its ARN there', () => {
    expect(noticedIn('eu-west-1', retiredKey('eu-west-1', MULTI))).toEqual(['KeyPolicyChanged/RetiredRule']);
    const main = noticesOf(stage.audit, stage.data);
    const event = (ARN: string) => call('kms', 'DisableKey', { resources: [{ ARN }] });
    expect(main(event(retiredKey('eu-central-1', MULTI)))).toEqual(['KeyEndangered/SealingRule']);
  });

  test('in one region is in no pattern of another region', () => {
    for (const region of ['eu-west-1', 'us-east-1'])
      expect(JSON.stringify(stackIn(stage, region).template)).not.toContain(SINGLE);
    expect(JSON.stringify(ofType(templateOf(stage.audit), 'AWS::Events::Rule'))).not.toContain(SINGLE);
  });
});
