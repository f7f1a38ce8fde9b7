import { type DynamoDBDocumentClient, ScanCommand, TransactWriteCommand } from '@aws-sdk/lib-dynamodb';
import type { EventWriter } from '../../../domain/audit/event-writers.ts';
import { markOf, matchesMark } from '../../../domain/keys/key-mark.ts';
import type { MarkWriter } from '../../../use-cases/ports/keys.ts';
import { eventPut } from '../audit/event-outbox.ts';
import { callAws } from '../aws-calls.ts';
import { readTogether } from '../batch-get.ts';
import { primaryKey } from '../table-keys.ts';
import { type KeyMarks, markPut } from './key-marks.ts';
import { addressAt } from './key-place.ts';
import { storedKeyAt } from './stored-key-item.ts';

/**
 * Writes missing marks of keys. Only for an operator's tool: a function writes a mark only together with its change.
 */
export const dynamoDbMarkWriter = (
  dynamoDb: DynamoDBDocumentClient,
  tables: { readonly keys: string; readonly tenancy: string; readonly writer: EventWriter },
  marks: KeyMarks,
): MarkWriter => ({
  listKeys: async (after) => {
    const { Items = [], LastEvaluatedKey } = await callAws('dynamodb', 'Scan', () =>
      dynamoDb.send(
        new ScanCommand({
          TableName: tables.keys,
          ConsistentRead: true,
          ...(after !== undefined && { ExclusiveStartKey: JSON.parse(after) }),
        }),
      ),
    );
    const items = Items.flatMap((item) => {
      const address = item['sk'] === 'KEY' ? addressAt(String(item['pk'])) : undefined;
      const key = address && storedKeyAt(address, item);
      return address === undefined || key === undefined ? [] : [{ address, key }];
    });
    return {
      items,
      next: LastEvaluatedKey === undefined ? undefined : JSON.stringify(LastEvaluatedKey),
    };
  },

  isMarked: async (address, key) => {
    const at = primaryKey.keyMark(address.scope, address.scopeId);
    const lookup = await readTogether(dynamoDb, { [tables.tenancy]: [at] });
    const mark = await marks.markIn(address, lookup(tables.tenancy, at));
    return mark !== undefined && matchesMark(key, mark);
  },

  writeMark: async (address, key, event) => {
    const { scope, scopeId } = address;
    const TransactItems = [
      {
        ConditionCheck: {
          TableName: tables.keys,
          Key: primaryKey.key(scope, scopeId),
          ConditionExpression: 'revision = :revision AND #state = :state',
          ExpressionAttributeNames: { '#state': 'state' },
          ExpressionAttributeValues: { ':revision': key.revision, ':state': key.state },
        },
      },
      await markPut(tables.tenancy, marks, address, markOf(key)),
      eventPut(tables.tenancy, tables.writer, event),
    ];
    await callAws('dynamodb', 'TransactWriteItems', () =>
      dynamoDb.send(new TransactWriteCommand({ TransactItems })),
    );
  },
});
