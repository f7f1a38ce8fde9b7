import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { ConflictError } from '../../../domain/dependency.ts';
import type { ReportedError } from '../../../domain/sessions/error-row.ts';
import { expiryOf } from '../../../domain/tenancy/retention.ts';
import { clockMinuteOf } from '../../../domain/time.ts';
import type { ErrorLog, ErrorReader } from '../../../use-cases/ports/sessions.ts';
import { callAws } from '../aws-calls.ts';
import { queryPage } from '../dynamodb-pages.ts';
import { primaryKey } from '../table-keys.ts';
import { errorItem } from './session-items.ts';

/** The operator's list of failures: one row per site, reason and minute, with a count, however many visitors met it. */
export const dynamoDbErrors = (
  dynamoDb: DynamoDBDocumentClient,
  sessionsTable: string,
): ErrorLog & ErrorReader => ({
  report: async (error) => {
    const slots = error.origin === undefined ? [] : ORIGIN_SLOTS;
    for (const slot of slots) if (await countOn(slot)) return;
    await countOn(undefined);

    /** False if the row of this slot names another origin. */
    async function countOn(slot: number | undefined): Promise<boolean> {
      try {
        await callAws('dynamodb', 'UpdateItem', () => dynamoDb.send(errorUpdate(sessionsTable, error, slot)));
        return true;
      } catch (failure) {
        if (failure instanceof ConflictError) return false;
        throw failure;
      }
    }
  },

  listErrors: (workspaceId, page) => {
    const { pk } = primaryKey.error(workspaceId, '', undefined, 'mint', '');
    return queryPage(dynamoDb, { TableName: sessionsTable, pk, newestFirst: true }, page, errorItem);
  },

  positionOfError: ({ workspaceId, siteId, source, openAiFailure, code, firstAt, slot }) =>
    primaryKey.error(
      workspaceId,
      clockMinuteOf(new Date(firstAt)),
      siteId,
      source,
      openAiFailure ?? code,
      slot,
    ).sk,
});

/**
 * Number of refused origins of one site and minute that have a separate row each. The others are counted together
 * without a name.
 */
const ORIGIN_SLOTS = [1, 2, 3, 4, 5] as const;

const errorUpdate = (
  sessionsTable: string,
  {
    workspaceId,
    siteId,
    code,
    source,
    openAiFailure,
    message,
    sessionId,
    origin,
    at,
    keptDays,
  }: ReportedError,
  slot: number | undefined,
) => {
  const optional = { siteId, openAiFailure, sessionId, ...(slot !== undefined && { slot, origin }) };
  const given = Object.entries(optional).filter(([, value]) => value !== undefined);
  return new UpdateCommand({
    TableName: sessionsTable,
    Key: primaryKey.error(
      workspaceId,
      clockMinuteOf(new Date(at)),
      siteId,
      source,
      openAiFailure ?? code,
      slot,
    ),
    UpdateExpression: [
      'SET workspaceId = :workspaceId, code = :code, #source = :source, message = :message, lastAt = :at,',
      'firstAt = if_not_exists(firstAt, :at), expires_at = :expiresAt',
      ...given.map(([name]) => `, ${name} = :${name}`),
      'ADD #count :one',
    ].join(' '),
    ...(slot !== undefined && { ConditionExpression: 'attribute_not_exists(origin) OR origin = :origin' }),
    ExpressionAttributeNames: { '#count': 'count', '#source': 'source' },
    ExpressionAttributeValues: {
      ':source': source,
      ':workspaceId': workspaceId,
      ':code': code,
      ':message': message,
      ':at': at,
      ':one': 1,
      ':expiresAt': expiryOf(at, keptDays),
      ...Object.fromEntries(given.map(([name, value]) => [`:${name}`, value])),
    },
  });
};
