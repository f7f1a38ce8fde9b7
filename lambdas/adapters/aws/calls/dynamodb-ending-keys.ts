import { DeleteCommand, type DynamoDBDocumentClient, GetCommand } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import { isLive, isRetained, type KeyAddress, PLATFORM_ADDRESS } from '../../../domain/keys/stored-key.ts';
import type { EndingKeys } from '../../../use-cases/ports/calls.ts';
import { callAws } from '../aws-calls.ts';
import { queryAll } from '../dynamodb-pages.ts';
import { retainedKeyAt, storedKeyAt } from '../keys/stored-key-item.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';
import { callKey } from './call-keys.ts';

const endingItem = z.record(z.string(), z.unknown());

/** Finds the key of a call by its fingerprint, regardless of its present version. */
export const dynamoDbEndingKeys = (dynamoDb: DynamoDBDocumentClient, keysTable: string): EndingKeys => {
  const keyItemAt = async (Key: PrimaryKey): Promise<Readonly<Record<string, unknown>> | undefined> => {
    const { Item } = await callAws('dynamodb', 'GetItem', () =>
      dynamoDb.send(new GetCommand({ TableName: keysTable, Key, ConsistentRead: true })),
    );
    return Item;
  };

  return {
    findKey: async ({ workspaceId, keyScope, keyScopeId, fingerprint }, now) => {
      const address: KeyAddress =
        keyScope === 'platform' ? PLATFORM_ADDRESS : { scope: keyScope, scopeId: keyScopeId, workspaceId };
      const { scope, scopeId } = address;
      const currentKey = storedKeyAt(address, await keyItemAt(primaryKey.key(scope, scopeId)));
      if (isLive(currentKey)) {
        if (currentKey.sealed.fingerprint === fingerprint) return currentKey.sealed;
        if (currentKey.previousVersion !== null) {
          const at = primaryKey.retainedKey(scope, scopeId, currentKey.previousVersion);
          const retained = retainedKeyAt(address, currentKey.previousVersion, await keyItemAt(at));
          if (retained?.sealed.fingerprint === fingerprint && isRetained(retained, now))
            return retained.sealed;
        }
      }
      const ending = await queryAll(
        dynamoDb,
        {
          TableName: keysTable,
          KeyConditionExpression: 'pk = :pk',
          ExpressionAttributeValues: { ':pk': callKey.ending(scope, scopeId, 0).pk },
          ConsistentRead: true,
        },
        endingItem,
      );
      return ending
        .flatMap((item) => retainedKeyAt(address, versionIn(String(item['sk'])), item) ?? [])
        .find((kept) => kept.sealed.fingerprint === fingerprint && isRetained(kept, now))?.sealed;
    },

    forget: async (scope, scopeId, version) => {
      await callAws('dynamodb', 'DeleteItem', () =>
        dynamoDb.send(
          new DeleteCommand({ TableName: keysTable, Key: callKey.ending(scope, scopeId, version) }),
        ),
      );
    },
  };
};

/** The version comes from the place, never from the record. */
const versionIn = (sk: string): number => Number(sk.slice(sk.indexOf('#') + 1));
