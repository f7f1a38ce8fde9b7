import type { Account } from './account.ts';
import type { PlannedStack } from './assembly.ts';
import type { Finding } from './checks.ts';
import type { StackResource, StackState } from './stack-state.ts';

const ACTIONS: Readonly<Record<StackState['condition'], string>> = {
  absent: 'create',
  deployed: 'update where it differs',
  busy: 'wait, then update',
  'rolled back': 'delete the failed one, create again',
  stuck: 'nothing until you act',
};

/** Types that matter to a reader, with the names of the AWS console. */
const NAMES: readonly (readonly [string, string])[] = [
  ['DynamoDB::Table', 'tables'],
  ['KMS::Key', 'KMS keys'],
  ['KMS::ReplicaKey', 'replica keys'],
  ['Cognito::UserPool', 'user pools'],
  ['Lambda::Function', 'functions'],
  ['IAM::Role', 'roles'],
  ['ApiGatewayV2::Route', 'routes'],
  ['SQS::Queue', 'queues'],
  ['S3::Bucket', 'buckets'],
  ['CloudTrail::Trail', 'trails'],
  ['CloudFront::Distribution', 'distributions'],
  ['CloudWatch::Alarm', 'alarms'],
];

const SINGULAR = /(?<=y)s$|(?<=[^y])s$/;

const namedIn = (counts: Readonly<Record<string, number>>): readonly string[] =>
  NAMES.flatMap(([type, name]) => {
    const count = counts[type] ?? 0;
    return count === 0 ? [] : [`${count} ${count === 1 ? name.replace(SINGULAR, '') : name}`];
  });

const othersOf = (counts: Readonly<Record<string, number>>): readonly (readonly [string, number])[] =>
  Object.entries(counts).filter(([type]) => NAMES.every(([name]) => name !== type));

/** `6 tables, 8 KMS keys, 12 others`. */
export const inWords = (counts: Readonly<Record<string, number>>): string => {
  const others = othersOf(counts).reduce((sum, [, count]) => sum + count, 0);
  return [...namedIn(counts), ...(others === 0 ? [] : [`${others} others`])].join(', ');
};

/** `6 tables, 8 Logs::LogGroup`: every type, for resources that a person has to look after. */
export const allInWords = (counts: Readonly<Record<string, number>>): string =>
  [...namedIn(counts), ...othersOf(counts).map(([type, count]) => `${count} ${type}`)].join(', ');

const MARKS: Readonly<Record<Finding['level'], string>> = { ok: 'ok  ', note: 'note', stop: 'STOP' };

export const findingLines = (findings: readonly Finding[]): readonly string[] =>
  findings.flatMap(({ level, check, says, next }) => [
    `  ${MARKS[level]}  ${check.padEnd(11)} ${says.split('\n').join('\n        ')}`,
    ...(next === undefined ? [] : [`        Next: ${next}`]),
  ]);

/** The whole plan. It has no secret, no token and no address of a person. */
export const planLines = (
  stage: string,
  { account, region }: Account,
  planned: readonly PlannedStack[],
  states: readonly StackState[],
  bootstrap: readonly string[],
  leftOver: readonly StackResource[],
): readonly string[] => {
  const steps = [
    ...bootstrap.map(
      (there) => `bootstrap the CDK in ${there} (stack CDKToolkit: a bucket, a repository and five roles)`,
    ),
    ...planned.map((stack) => {
      const state = states.find(({ name, region: at }) => name === stack.name && at === stack.region);
      const there = stack.region === region ? '' : ` in ${stack.region}`;
      return `${stack.name}${there}: ${ACTIONS[state?.condition ?? 'absent']} (${inWords(stack.resources)})`;
    }),
    'the first owner, an access token, an OpenAI key if you want one now, the smoke test',
  ];
  return [
    `Stage ${stage}, account ${account}, region ${region}`,
    '',
    ...steps.map((step, index) => `  ${index + 1}. ${step}`),
    ...(leftOver.length === 0
      ? []
      : [
          '',
          `An earlier deployment of this stage left ${leftOver.length} resources. This deployment does not use them, and you pay for their contents:`,
          ...leftOver.map(({ type, physicalId }) => `  ${type} ${physicalId}`),
        ]),
  ];
};
