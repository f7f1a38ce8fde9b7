import { setTimeout as sleep } from 'node:timers/promises';
import type { PlannedStack } from './assembly.ts';
import type { Finding } from './checks.ts';
import type { AwsClients } from './clients.ts';
import { failuresOf, resourcesOf, type StackState, stackState } from './stack-state.ts';
import type { Terminal } from './terminal.ts';

/** Interval between two checks of a stack that CloudFormation works on. */
export const POLL_MS = 5_000;

/** The stack once CloudFormation has finished with it: a run that was stopped continues in AWS. */
export const settledState = async (
  aws: AwsClients,
  { name, region }: Pick<PlannedStack, 'name' | 'region'>,
  say: Terminal['say'],
  pollMs: number,
): Promise<StackState> => {
  let told = false;
  for (;;) {
    const state = await stackState(aws.cloudFormation(region), name, region);
    if (state.condition !== 'busy') return state;
    if (!told) say(`  ${name} is ${state.status}: waiting until CloudFormation has finished …`);
    told = true;
    await sleep(pollMs);
  }
};

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [
    /domain.*(?:already|exists|associated)|(?:already|exists|associated).*domain/i,
    'The prefix of the sign-in page is taken: choose another signIn.cognito.domainPrefix in cdk.json.',
  ],
  [
    /already exists|AlreadyExists/i,
    'A resource with this name already exists outside the stack. Delete or rename it.',
  ],
  [
    /ReservedConcurrent|UnreservedConcurrent/i,
    'The account allows too few Lambda containers: raise the quota, or remove reservedConcurrency.',
  ],
  [
    /AccessDenied|not authorized|explicit deny|service control policy/i,
    'A policy forbids it: an SCP of the organization, a permissions boundary or the role that the CDK deploys with.',
  ],
  [/LimitExceeded|maximum number|quota/i, 'A quota of the account is used up: the text above names it.'],
  [/certificate/i, 'CloudFront and API Gateway need an issued certificate in the right region.'],
];

/** The next step after a failure that CloudFormation reports. */
export const remedyFor = (reason: string): string =>
  REMEDIES.find(([pattern]) => pattern.test(reason))?.[1] ?? 'Fix the cause that AWS names above.';

/** Lines for the operator: the cause of a failed deployment of a stack, and everything it left behind. */
export const explainFailure = async (aws: AwsClients, state: StackState): Promise<readonly string[]> => {
  if (state.condition === 'absent')
    return [`${state.name} was not created, and nothing of it is left. The text above names the cause.`];
  const client = aws.cloudFormation(state.region);
  const [cause] = await failuresOf(client, state.stackId ?? state.name);
  const lines = [`${state.name} is ${state.status}.`];
  if (cause !== undefined)
    lines.push(
      `Cause: ${cause.logicalId} (${cause.type}): ${cause.reason}`,
      `What to do: ${remedyFor(cause.reason)}`,
    );
  if (state.condition !== 'rolled back') {
    lines.push('CloudFormation rolled back to the previous version. Nothing was lost.');
    return lines;
  }
  const left = (await resourcesOf(client, state.stackId ?? state.name)).filter(
    ({ status }) => status !== 'DELETE_COMPLETE' && status !== '',
  );
  if (left.length === 0) lines.push('Everything that had been created was deleted again.');
  else lines.push('Still there:', ...left.map(({ type, physicalId }) => `  ${type} ${physicalId}`));
  return lines;
};

/** Checks whether each stack can be deployed in its present state. */
export const checkStacks = async (
  aws: AwsClients,
  states: readonly StackState[],
): Promise<readonly Finding[]> => {
  const findings: Finding[] = [];
  for (const state of states) {
    const { name, region, status } = state;
    const found = (level: Finding['level'], says: string, next?: string) =>
      findings.push({ level, check: 'stack', says, ...(next !== undefined && { next }) });
    if (state.condition === 'rolled back' && state.protected)
      found(
        'stop',
        `${name} is ${status} and protected, so the CDK cannot delete it and try again.`,
        `aws cloudformation update-termination-protection --region ${region} --no-enable-termination-protection --stack-name ${name}`,
      );
    else if (state.condition === 'rolled back')
      found(
        'note',
        [
          'The first deployment failed.',
          ...(await explainFailure(aws, state)),
          'The empty stack is deleted and created again.',
        ].join('\n'),
      );
    else if (state.condition === 'busy')
      found(
        'note',
        `CloudFormation is working on ${name} (${status}). The command waits until it has finished.`,
      );
    else if (state.condition === 'stuck')
      found(
        'stop',
        [`${name} is ${status}.`, ...(await explainFailure(aws, state)).slice(1, 3)].join('\n'),
        status === 'UPDATE_ROLLBACK_FAILED'
          ? `Fix the cause, then: aws cloudformation continue-update-rollback --region ${region} --stack-name ${name}`
          : `Look at its events, then delete it: aws cloudformation delete-stack --region ${region} --stack-name ${name}`,
      );
  }
  return findings;
};
