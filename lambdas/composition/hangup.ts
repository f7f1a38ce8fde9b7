import { dynamoDbCallRecords, dynamoDbEndRequests } from '../adapters/aws/calls/dynamodb-calls.ts';
import { dynamoDbEndingKeys } from '../adapters/aws/calls/dynamodb-ending-keys.ts';
import { dynamoDbKeyUses } from '../adapters/aws/calls/dynamodb-key-uses.ts';
import { dynamoDbLive, dynamoDbLiveReader } from '../adapters/aws/calls/dynamodb-live.ts';
import { hangUpMessageIn } from '../adapters/aws/calls/hang-up-message.ts';
import { sqsHangUps, sqsPostpone } from '../adapters/aws/calls/sqs-hang-ups.ts';
import { dynamoDbClient, kmsClient, sqsClient } from '../adapters/aws/clients.ts';
import { kmsKeyOpener } from '../adapters/aws/keys/kms-key-opener.ts';
import { dynamoDbSessionEnds } from '../adapters/aws/sessions/dynamodb-session-ends.ts';
import { dynamoDbSessionReader } from '../adapters/aws/sessions/dynamodb-session-reader.ts';
import { dynamoDbSessionUsage } from '../adapters/aws/sessions/dynamodb-session-usage.ts';
import { dynamoDbSlots } from '../adapters/aws/sessions/dynamodb-slots.ts';
import { dynamoDbWorkspaces } from '../adapters/aws/tenancy/dynamodb-workspaces.ts';
import { dynamoDbPlanNotices } from '../adapters/aws/usage/dynamodb-plan-notices.ts';
import { openAiCalls } from '../adapters/openai/realtime-calls.ts';
import type { EnvironmentOf } from '../contract/environment.ts';
import { TABLES } from '../contract/tables.ts';
import { type HangUpHandler, hangUpMessages } from '../streams/hang-ups.ts';
import { endCall } from '../use-cases/calls/end-call.ts';
import { endScope } from '../use-cases/calls/end-scope.ts';
import { handleHangUp } from '../use-cases/calls/handle-hang-up.ts';
import { noteThresholdsAtEnd } from '../use-cases/usage/note-thresholds-at-end.ts';
import { recordingCost } from './recording-cost.ts';
import { flushingMetrics, type Runtime } from './runtime.ts';

/** Opens keys to hang calls up. Only the queue invokes it; no route and no visitor can. */
export const hangupHandler = (
  environment: EnvironmentOf<'hangup'>,
  { clock, random, backOff, log, metrics }: Pick<Runtime, 'clock' | 'random' | 'backOff' | 'log' | 'metrics'>,
): HangUpHandler => {
  const dynamoDb = dynamoDbClient(environment, metrics);
  const kms = kmsClient(environment, metrics);
  const sqs = sqsClient(environment, metrics);
  const tables = {
    tenancy: environment.TENANCY_TABLE,
    keys: environment.KEYS_TABLE,
    sessions: environment.SESSIONS_TABLE,
    limits: environment.LIMITS_TABLE,
    usage: environment.USAGE_TABLE,
  };
  const live = dynamoDbLiveReader(dynamoDb, tables.limits);
  const records = dynamoDbCallRecords(dynamoDb, tables.sessions);
  const hangUps = sqsHangUps(sqs, environment.HANGUP_QUEUE_URL);
  const keys = dynamoDbEndingKeys(dynamoDb, tables.keys);
  const handle = handleHangUp({
    clock,
    hangUps,
    keys,
    endScope: endScope({ clock, live, records: dynamoDbEndRequests(dynamoDb, tables.sessions), hangUps }),
    endCall: endCall({
      clock,
      random,
      backOff,
      records,
      live: dynamoDbLive(dynamoDb, tables.limits),
      keys,
      keyUses: dynamoDbKeyUses(dynamoDb, tables.sessions),
      opener: kmsKeyOpener(kms, [environment.MASTER_KEY_ARN, ...environment.RETIRED_MASTER_KEY_ARNS]),
      calls: openAiCalls(environment.OPENAI_BASE_URL, metrics),
      slots: dynamoDbSlots(dynamoDb, tables.limits),
      meterReader: dynamoDbSessionReader(dynamoDb, tables),
      sessionUsage: recordingCost(
        dynamoDbSessionUsage(dynamoDb, { usage: tables.usage, dueIndex: TABLES.usage.index.name }),
        metrics,
      ),
      ends: noteThresholdsAtEnd({
        clock,
        random,
        plans: environment.PLANS,
        workspaces: dynamoDbWorkspaces(dynamoDb, tables.tenancy),
        notices: dynamoDbPlanNotices(dynamoDb, tables, 'hangup'),
        ends: dynamoDbSessionEnds(dynamoDb, tables.sessions),
      }),
    }),
  });
  return flushingMetrics(
    hangUpMessages({
      messageIn: hangUpMessageIn,
      handle,
      postpone: sqsPostpone(sqs, environment.HANGUP_QUEUE_URL),
      log,
      metrics,
    }),
    metrics,
  );
};
