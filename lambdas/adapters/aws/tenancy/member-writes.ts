import type { WorkspaceId } from '../../../domain/identifiers.ts';
import type { Member } from '../../../domain/tenancy/workspace.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { primaryKey } from '../table-keys.ts';

/** Parts of the transactions that change members. */
export const memberWrites = (tenancyTable: string) => {
  const workspaceExists = (workspaceId: WorkspaceId): TransactWrite => ({
    ConditionCheck: {
      TableName: tenancyTable,
      Key: primaryKey.workspace(workspaceId),
      ConditionExpression: 'deletedAt = :null',
      ExpressionAttributeValues: { ':null': null },
    },
  });

  /** Keeps the count of owners; a workspace never goes below one. */
  const countOwners = (workspaceId: WorkspaceId, change: 1 | -1): TransactWrite => ({
    Update: {
      TableName: tenancyTable,
      Key: primaryKey.workspace(workspaceId),
      UpdateExpression: 'SET ownerCount = ownerCount + :change',
      ConditionExpression: 'deletedAt = :null AND ownerCount > :floor',
      ExpressionAttributeValues: { ':change': change, ':null': null, ':floor': change === -1 ? 1 : 0 },
    },
  });

  const ownerChange = (before: boolean, after: boolean, workspaceId: WorkspaceId): TransactWrite => {
    if (before === after) return workspaceExists(workspaceId);
    return countOwners(workspaceId, after ? 1 : -1);
  };

  return { workspaceExists, ownerChange };
};

/** Holds while the member has the role that was read. */
export const sameRole = ({ role }: Member) => ({
  ConditionExpression: '#role = :role',
  ExpressionAttributeNames: { '#role': 'role' },
  ExpressionAttributeValues: { ':role': role },
});

/** Writes only what differs between the two, if the member still has the role of `previous`. */
export const memberUpdate = (TableName: string, member: Member, previous: Member): TransactWrite => {
  const { ConditionExpression, ExpressionAttributeNames, ExpressionAttributeValues } = sameRole(previous);
  const isRenamed = member.name !== previous.name;
  const change = isRenamed && (member.name === undefined ? ' REMOVE #name' : ', #name = :name');
  return {
    Update: {
      TableName,
      Key: primaryKey.member(member.workspaceId, member.sub),
      UpdateExpression: `SET #role = :newRole${change || ''}`,
      ConditionExpression,
      ExpressionAttributeNames: { ...ExpressionAttributeNames, ...(isRenamed && { '#name': 'name' }) },
      ExpressionAttributeValues: {
        ...ExpressionAttributeValues,
        ':newRole': member.role,
        ...(isRenamed && member.name !== undefined && { ':name': member.name }),
      },
    },
  };
};
