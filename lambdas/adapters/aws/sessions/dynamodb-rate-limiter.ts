import { ConditionalCheckFailedException } from '@aws-sdk/client-dynamodb';
import { type DynamoDBDocumentClient, UpdateCommand } from '@aws-sdk/lib-dynamodb';
import { secondsToNextMinute } from '../../../domain/limits.ts';
import { clockMinuteOf } from '../../../domain/time.ts';
import type { RateLimiter } from '../../../use-cases/ports/sessions.ts';
import { callAws } from '../aws-calls.ts';
import { primaryKey } from '../table-keys.ts';

/** A counter item is deleted this long after its minute. It has no meaning after the minute has ended. */
export const KEEP_SECONDS = 3_600;

/**
 * Counts calls per subject in fixed clock minutes: one conditional write per call, exact under any concurrency. Across
 * the end of a window, up to twice the limit is possible within 60 s, which the per-second limit bounds.
 */
export const dynamoDbRateLimiter = (dynamoDb: DynamoDBDocumentClient, limitsTable: string): RateLimiter => ({
  spend: async (subject, { perMinute, perSecond }, now) => {
    const second = `s${now.getUTCSeconds()}`;
    const withinMinute = '(attribute_not_exists(calls) OR calls < :perMinute)';
    const withinSecond = '(attribute_not_exists(#second) OR #second < :perSecond)';
    const update = new UpdateCommand({
      TableName: limitsTable,
      Key: primaryKey.rate(subject, clockMinuteOf(now)),
      UpdateExpression:
        perSecond === undefined
          ? 'ADD calls :one SET expires_at = :expiresAt'
          : 'ADD calls :one, #second :one SET expires_at = :expiresAt',
      ConditionExpression: perSecond === undefined ? withinMinute : `${withinMinute} AND ${withinSecond}`,
      ...(perSecond !== undefined && { ExpressionAttributeNames: { '#second': second } }),
      ExpressionAttributeValues: {
        ':one': 1,
        ':perMinute': perMinute,
        ':expiresAt': Math.floor(now.getTime() / 1_000) + KEEP_SECONDS,
        ...(perSecond !== undefined && { ':perSecond': perSecond }),
      },
      ReturnValuesOnConditionCheckFailure: 'ALL_OLD',
    });
    const refused = await callAws('dynamodb', 'UpdateItem', async () => {
      try {
        await dynamoDb.send(update);
        return undefined;
      } catch (error) {
        if (error instanceof ConditionalCheckFailedException) return error.Item ?? {};
        throw error;
      }
    });
    if (refused === undefined) return { allowed: true };
    const minuteSpent = Number(refused['calls']?.N ?? perMinute) >= perMinute;
    return { allowed: false, retryAfterSeconds: minuteSpent ? secondsToNextMinute(now) : 1 };
  },
});
