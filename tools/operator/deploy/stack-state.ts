import {
  type CloudFormationClient,
  DescribeStackEventsCommand,
  DescribeStacksCommand,
  ListStackResourcesCommand,
  ListStacksCommand,
  type Stack,
} from '@aws-sdk/client-cloudformation';
import { awsErrorOf } from './stop.ts';

export type StackCondition =
  /** It does not exist, or was deleted. */
  | 'absent'
  | 'deployed'
  /** CloudFormation is working on it. */
  | 'busy'
  /** Its first deployment failed. The CDK deletes what is left and creates it again. */
  | 'rolled back'
  /** A person has to act first. */
  | 'stuck';

export interface StackState {
  readonly name: string;
  readonly region: string;
  readonly condition: StackCondition;
  /** CloudFormation's status; empty if there is no stack. */
  readonly status: string;
  readonly stackId: string | undefined;
  readonly protected: boolean;
  readonly outputs: Readonly<Record<string, string>>;
}

/** https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/view-stack-events.html#cfn-stack-status-codes */
const conditionOf = (status: string): StackCondition => {
  // Left by a change set that never ran. The stack is empty, and a new change set can use it.
  if (status === 'REVIEW_IN_PROGRESS' || status === 'DELETE_COMPLETE') return 'absent';
  if (status.endsWith('_IN_PROGRESS')) return 'busy';
  if (status === 'ROLLBACK_COMPLETE' || status === 'ROLLBACK_FAILED') return 'rolled back';
  if (status.endsWith('_COMPLETE')) return 'deployed';
  return 'stuck';
};

const describe = async (client: CloudFormationClient, name: string): Promise<Stack | undefined> => {
  try {
    const { Stacks } = await client.send(new DescribeStacksCommand({ StackName: name }));
    return Stacks?.[0];
  } catch (error) {
    const { name: code, message } = awsErrorOf(error);
    // The API has no separate error for a missing stack.
    if (code === 'ValidationError' && /does not exist/.test(message)) return undefined;
    throw error;
  }
};

/** The stack as CloudFormation describes it now. */
export const stackState = async (
  client: CloudFormationClient,
  name: string,
  region: string,
): Promise<StackState> => {
  const stack = await describe(client, name);
  const status: string = stack?.StackStatus ?? '';
  return {
    name,
    region,
    condition: status === '' ? 'absent' : conditionOf(status),
    status,
    stackId: stack?.StackId,
    protected: stack?.EnableTerminationProtection === true,
    outputs: Object.fromEntries(
      (stack?.Outputs ?? []).map(({ OutputKey = '', OutputValue = '' }) => [OutputKey, OutputValue]),
    ),
  };
};

export interface StackResource {
  readonly logicalId: string;
  readonly type: string;
  /** Name, ID or ARN, depending on the type. */
  readonly physicalId: string;
  readonly status: string;
}

/** The resources of a stack, by name or, for one that was deleted in the last 90 days, by its id. */
export const resourcesOf = async (
  client: CloudFormationClient,
  nameOrId: string,
): Promise<readonly StackResource[]> => {
  const found: StackResource[] = [];
  let next: string | undefined;
  do {
    const page = await client.send(
      new ListStackResourcesCommand({ StackName: nameOrId, ...(next !== undefined && { NextToken: next }) }),
    );
    for (const resource of page.StackResourceSummaries ?? [])
      found.push({
        logicalId: resource.LogicalResourceId ?? '',
        type: resource.ResourceType ?? '',
        physicalId: resource.PhysicalResourceId ?? '',
        status: resource.ResourceStatus ?? '',
      });
    next = page.NextToken;
  } while (next !== undefined);
  return found;
};

/** Resources that deletions of these stacks left behind. CloudFormation keeps this information for 90 days. */
export const keptResources = async (
  client: CloudFormationClient,
  names: readonly string[],
): Promise<readonly StackResource[]> => {
  const ids: string[] = [];
  let next: string | undefined;
  do {
    const page = await client.send(
      new ListStacksCommand({
        StackStatusFilter: ['DELETE_COMPLETE'],
        ...(next !== undefined && { NextToken: next }),
      }),
    );
    for (const { StackName, StackId } of page.StackSummaries ?? [])
      if (StackName !== undefined && StackId !== undefined && names.includes(StackName)) ids.push(StackId);
    next = page.NextToken;
  } while (next !== undefined);
  const resources = await Promise.all(ids.map((id) => resourcesOf(client, id)));
  return resources.flat().filter(({ status }) => status === 'DELETE_SKIPPED');
};

export interface Failure {
  readonly logicalId: string;
  readonly type: string;
  readonly reason: string;
}

/** Texts of resources that failed only because another one did. */
const CONSEQUENCE = /^Resource (?:creation|update) cancelled/i;

/** The failures of the latest operation on the stack, the cause first. Failures that only follow from another are left out. */
export const failuresOf = async (
  client: CloudFormationClient,
  nameOrId: string,
): Promise<readonly Failure[]> => {
  const failures: Failure[] = [];
  let next: string | undefined;
  do {
    const page = await client.send(
      new DescribeStackEventsCommand({ StackName: nameOrId, ...(next !== undefined && { NextToken: next }) }),
    );
    for (const event of page.StackEvents ?? []) {
      const { ResourceStatus = '', ResourceStatusReason = '', LogicalResourceId = '' } = event;
      const ofStack = event.PhysicalResourceId === event.StackId;
      // Events are sorted newest first, and this one began the operation.
      if (ofStack && /^(?:CREATE|UPDATE|DELETE)_IN_PROGRESS$/.test(ResourceStatus)) return failures.reverse();
      if (!ofStack && ResourceStatus.endsWith('_FAILED') && !CONSEQUENCE.test(ResourceStatusReason))
        failures.push({
          logicalId: LogicalResourceId,
          type: event.ResourceType ?? '',
          reason: ResourceStatusReason,
        });
    }
    next = page.NextToken;
  } while (next !== undefined);
  return failures.reverse();
};
