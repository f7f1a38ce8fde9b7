import { type DynamoDBDocumentClient, GetCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import { type Invitation, secretText } from '../../../domain/tenancy/invitation.ts';
import type {
  InvitationReader,
  InvitationSecrets,
  InvitationStore,
} from '../../../use-cases/ports/tenancy.ts';
import { eventPut, type TransactWrite } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { queryPage } from '../dynamodb-pages.ts';
import type { DerivationKeys } from '../kms-derivation-keys.ts';
import { primaryKey } from '../table-keys.ts';
import { memberWrites } from './member-writes.ts';
import { notRemovedSince, removalItem, removalKeys } from './removals.ts';
import { invitationItem } from './tenancy-items.ts';

const SECRET = 'invitation/v1';
/** DynamoDB may delete an invitation a day after it has expired. The code checks expiry by `expiresAt`. */
export const INVITATION_KEPT_SECONDS = 24 * 60 * 60;

export const kmsInvitationSecrets = (keys: DerivationKeys): InvitationSecrets => ({
  secretOf: async ({ workspaceId, invitationId, nonce }) =>
    secretText(await keys.derive(SECRET, workspaceId, invitationId, nonce)),
});

export const dynamoDbInvitationReader = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): InvitationReader => ({
  readInvitation: async (workspaceId, invitationId) => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(
        new GetCommand({
          TableName: tenancyTable,
          Key: primaryKey.invitation(workspaceId, invitationId),
          ConsistentRead: true,
        }),
      ),
    );
    return invitationItem.optional().parse(Item);
  },
});

/** Invitations, alongside the members of their workspace. */
export const dynamoDbInvitations = (
  dynamoDb: DynamoDBDocumentClient,
  tenancyTable: string,
): InvitationStore => {
  const { workspaceExists, ownerChange } = memberWrites(tenancyTable);
  const write = async (...TransactItems: TransactWrite[]): Promise<void> => {
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  };
  const removal = ({ workspaceId, invitationId, nonce }: Invitation): TransactWrite => ({
    Delete: {
      TableName: tenancyTable,
      Key: primaryKey.invitation(workspaceId, invitationId),
      ConditionExpression: 'nonce = :nonce',
      ExpressionAttributeValues: { ':nonce': nonce },
    },
  });

  return {
    ...dynamoDbInvitationReader(dynamoDb, tenancyTable),

    listInvitations: (workspaceId, page) =>
      queryPage(
        dynamoDb,
        {
          TableName: tenancyTable,
          pk: primaryKey.workspace(workspaceId).pk,
          within: { prefix: primaryKey.invitation(workspaceId, '').sk },
        },
        page,
        invitationItem,
      ),

    saveInvitation: (invitation, event) =>
      write(
        eventPut(tenancyTable, 'manage', event),
        {
          Put: {
            TableName: tenancyTable,
            Item: {
              ...primaryKey.invitation(invitation.workspaceId, invitation.invitationId),
              ...invitation,
              expires_at: Math.floor(Date.parse(invitation.expiresAt) / 1_000) + INVITATION_KEPT_SECONDS,
            },
          },
        },
        workspaceExists(invitation.workspaceId),
      ),

    removeInvitation: (invitation, event) =>
      write(eventPut(tenancyTable, 'manage', event), removal(invitation)),

    readRemovedAt: async (workspaceId, person) => {
      const keys = removalKeys(workspaceId, person);
      const lookup = await readTogether(dynamoDb, { [tenancyTable]: keys });
      return keys
        .flatMap((key) => removalItem.optional().parse(lookup(tenancyTable, key))?.removedAt ?? [])
        .toSorted()
        .at(-1);
    },

    acceptInvitation: (invitation, member, event) =>
      write(
        eventPut(tenancyTable, 'manage', event),
        removal(invitation),
        ...notRemovedSince(tenancyTable, member.workspaceId, member, invitation.invitedAt),
        {
          Put: {
            TableName: tenancyTable,
            Item: { ...primaryKey.member(member.workspaceId, member.sub), ...member },
            ConditionExpression: 'attribute_not_exists(pk)',
          },
        },
        ownerChange(false, member.role === 'owner', member.workspaceId),
      ),
  };
};
