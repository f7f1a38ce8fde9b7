import { createHash } from 'node:crypto';
import * as z from 'zod';
import type { WorkspaceId } from '../../../domain/identifiers.ts';
import { INVITATION_MS } from '../../../domain/tenancy/invitation.ts';
import type { RemovedPerson } from '../../../use-cases/ports/tenancy.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';

/** Records that a person was removed from a workspace, for as long as an earlier invitation could be accepted. */

export const removalItem = z.object({ removedAt: z.string() });

/** DynamoDB may delete a record a day after the last earlier invitation has expired. */
export const KEPT_MS = INVITATION_MS + 24 * 60 * 60_000;

const hashOf = (...person: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(person)).digest('hex');

/**
 * One record for the `sub` and one for the address, because a person can sign in with another account. Hashed, so that no
 * record holds an address.
 */
export const removalKeys = (
  workspaceId: WorkspaceId,
  { sub, email }: RemovedPerson,
): readonly PrimaryKey[] => [
  primaryKey.removal(workspaceId, hashOf('sub', workspaceId, sub)),
  ...(email ? [primaryKey.removal(workspaceId, hashOf('email', workspaceId, email.toLowerCase()))] : []),
];

export const removalPuts = (
  tenancyTable: string,
  workspaceId: WorkspaceId,
  person: RemovedPerson,
  removedAt: string,
): readonly TransactWrite[] =>
  removalKeys(workspaceId, person).map((key) => ({
    Put: {
      TableName: tenancyTable,
      Item: { ...key, removedAt, expires_at: Math.floor((Date.parse(removedAt) + KEPT_MS) / 1_000) },
    },
  }));

/** Condition that the person was not removed at `invitedAt` or later. */
export const notRemovedSince = (
  tenancyTable: string,
  workspaceId: WorkspaceId,
  person: RemovedPerson,
  invitedAt: string,
): readonly TransactWrite[] =>
  removalKeys(workspaceId, person).map((Key) => ({
    ConditionCheck: {
      TableName: tenancyTable,
      Key,
      ConditionExpression: 'attribute_not_exists(pk) OR removedAt < :invitedAt',
      ExpressionAttributeValues: { ':invitedAt': invitedAt },
    },
  }));
