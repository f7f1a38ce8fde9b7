import { DeleteStackCommand } from '@aws-sdk/client-cloudformation';
import type { StageConfig } from '../../../lib/stage-config.ts';
import { explainingAwsErrors } from './aws-failure.ts';
import type { AwsClients } from './clients.ts';
import { allInWords, inWords } from './plan.ts';
import { type Prepared, prepare } from './prepare.ts';
import { inDollars, PRICES, type Price } from './prices.ts';
import type { DeployPorts } from './run.ts';
import { keptResources, resourcesOf, type StackResource, type StackState } from './stack-state.ts';
import { explainFailure, settledState } from './stacks.ts';
import { DeployStop } from './stop.ts';

export interface RemoveOptions {
  readonly stage: string;
  readonly config: StageConfig;
  /** Also removes the stacks with data. Without it, all data stays in use. */
  readonly data: boolean;
  readonly yes: boolean;
  /** Shows what would be deleted and kept, then stops. */
  readonly plan: boolean;
}

/** Stacks that hold data or watch it. */
const HOLDS_DATA = /-(?:data|audit|network|(?:replica|changes)-[a-z0-9-]+)$/;

const cost = ({ dollars, unit }: Price): string => `${inDollars(dollars)} ${unit}`;

/** Cost of a resource that stays, by its type. */
const COSTS: Readonly<Record<string, string>> = {
  'AWS::KMS::Key': `${cost(PRICES.key)}. Delete it last: everything that it encrypts is lost with it. KMS waits for 7 to 30 days`,
  'AWS::KMS::ReplicaKey': cost(PRICES.key),
  'AWS::DynamoDB::Table': `${cost(PRICES.tableStorage)}, and ${cost(PRICES.tableBackup)} for its backups`,
  'AWS::S3::Bucket': `${cost(PRICES.objectStorage)}. Objects under Object Lock stay until their retention ends`,
  'AWS::CloudTrail::Trail': `continues to write: ${cost(PRICES.trailEvent)} in an account with another trail`,
  'AWS::Cognito::UserPool': 'nothing while nobody signs in',
  'AWS::Logs::LogGroup': `${cost(PRICES.logsStored)} until its entries expire`,
  'AWS::EC2::EIP': `${cost(PRICES.addressHour)} until it is released`,
  'AWS::SQS::Queue': 'nothing while it is empty',
};

/** Resources that stay, by type, with what they cost. */
export const keptLines = (kept: readonly Pick<StackResource, 'type' | 'physicalId'>[]): readonly string[] =>
  [...Map.groupBy(kept, ({ type }) => type)]
    .toSorted(([one], [other]) => one.localeCompare(other))
    .flatMap(([type, resources]) => [
      `  ${resources.length} ${type.replace(/^AWS::/, '')}: ${COSTS[type] ?? 'see its price'}`,
      ...resources.map(({ physicalId }) => `    ${physicalId}`),
    ]);

const deleteStack = async (aws: AwsClients, { name, region }: StackState): Promise<void> => {
  await aws.cloudFormation(region).send(new DeleteStackCommand({ StackName: name }));
};

const explainRefusal = (states: readonly StackState[]): readonly string[] =>
  states.flatMap(({ name, region, protected: isProtected }) =>
    isProtected
      ? [
          `aws cloudformation update-termination-protection --region ${region} --no-enable-termination-protection --stack-name ${name}`,
        ]
      : [],
  );

/** Resources of these stacks that a deletion keeps according to the templates. */
const staying = async (
  aws: AwsClients,
  victims: readonly StackState[],
  planned: Prepared['planned'],
): Promise<readonly StackResource[]> => {
  const perStack = await Promise.all(
    victims.map(async ({ name, region }) => {
      const kept = planned.find((stack) => stack.name === name)?.keptIds ?? new Set();
      return (await resourcesOf(aws.cloudFormation(region), name)).filter(({ logicalId }) =>
        kept.has(logicalId),
      );
    }),
  );
  return perStack.flat();
};

/**
 * Removes a stage: the stacks in front of the data, and with `data` all of them. Tables, keys, buckets and logs stay in
 * either case, and the command lists them with what they cost. It never turns off a protection. Returns the exit status.
 */
export const remove = (ports: DeployPorts, options: RemoveOptions): Promise<number> =>
  explainingAwsErrors(() => removeStage(ports, options));

const removeStage = async (
  { aws, programs, terminal: { say, ask, interactive, obstacle }, pollMs }: DeployPorts,
  { stage, config, data, yes, plan }: RemoveOptions,
): Promise<number> => {
  const prepared: Prepared = await prepare(stage, config, aws, programs, { bundled: false });
  const { account, planned, states } = prepared;
  const there = states.filter(({ condition, status }) => condition !== 'absent' || status !== '');
  // Importing stacks come first, because CloudFormation refuses to delete an imported export.
  const victims = there.filter(({ name }) => data || !HOLDS_DATA.test(name)).toReversed();
  say(`Stage ${stage}, account ${account.account}, region ${account.region}\n`);
  if (victims.length === 0) say('  Nothing is deployed that this command would delete.');
  for (const { name } of victims) {
    const { resources, kept } = planned.find((stack) => stack.name === name) ?? { resources: {}, kept: {} };
    const stays = allInWords(kept);
    say(`  delete ${name} (${inWords(resources)})${stays === '' ? '' : `; keeps ${stays}`}`);
  }
  for (const { name } of there)
    if (!victims.some((victim) => victim.name === name)) say(`  keep   ${name}, with everything in it`);
  if (plan) {
    const stays = await staying(aws, victims, planned);
    if (stays.length > 0) {
      say('\nA removal keeps these resources, at this cost:');
      for (const line of keptLines(stays)) say(line);
    }
    const isProtected = victims.filter((victim) => victim.protected).map(({ name }) => name);
    if (isProtected.length > 0) say(`\nStill protected against deletion: ${isProtected.join(', ')}.`);
    say('\nNothing was changed.');
    return 0;
  }
  const refusals = explainRefusal(victims);
  if (refusals.length > 0)
    throw new DeployStop(
      'These stacks are protected from deletion.',
      `Set deletionProtection of ${stage} to false in cdk.json and deploy, or unprotect them one by one:\n${refusals.join('\n')}`,
    );
  if (victims.length > 0) {
    if (!yes && !interactive)
      throw new DeployStop(
        `The removal needs a confirmation, and ${obstacle ?? 'there is no terminal'}.`,
        'Give --yes to remove without confirmation, or --plan to see the plan.',
      );
    if (!yes && (await ask(`\nTo delete these stacks, enter the name of the stage:`, '')) !== stage) {
      say('Nothing was changed.');
      return 1;
    }
  }
  for (const state of victims) {
    say(`Deleting ${state.name} …`);
    await settledState(aws, state, say, pollMs);
    await deleteStack(aws, state);
    const after = await settledState(aws, state, say, pollMs);
    if (after.condition !== 'absent')
      throw new DeployStop(
        (await explainFailure(aws, after)).slice(0, 3).join('\n'),
        'Remove what blocks the deletion (a bucket must be empty), then run the same command again.',
      );
  }
  const kept = (
    await Promise.all(
      [...Map.groupBy(planned, ({ region }) => region)].map(([region, stacks]) =>
        keptResources(
          aws.cloudFormation(region),
          stacks.map(({ name }) => name),
        ),
      ),
    )
  ).flat();
  if (kept.length > 0) {
    say('\nRemaining resources, from the records of CloudFormation of the last 90 days:');
    for (const line of keptLines(kept)) say(line);
  }
  if (there.length > victims.length)
    say(
      `\nThe data is still there and in use. To remove its stacks too: npm run remove -- --stage ${stage} --data`,
    );
  return 0;
};
