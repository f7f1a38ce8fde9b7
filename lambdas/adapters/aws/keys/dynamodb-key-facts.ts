import type { DynamoDBDocumentClient } from '@aws-sdk/lib-dynamodb';
import * as z from 'zod';
import type { KeyAddress } from '../../../domain/keys/stored-key.ts';
import { keyPoolOf } from '../../../domain/sessions/slots.ts';
import type { StoredKeyPools, StoredKeyStates } from '../../../use-cases/ports/keys.ts';
import { type Item, readTogether } from '../batch-get.ts';
import { type PrimaryKey, primaryKey } from '../table-keys.ts';

/** Items of one BatchGetItem: https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_BatchGetItem.html */
const MAX_BATCH = 100;

/** A missing state is read as usable, as in a mint: the key then needs to be stored again. */
const stateItem = z.object({ state: z.enum(['active', 'suspended', 'deleted']).catch('active') });
const poolItem = stateItem.extend({
  sealed: z.object({ fingerprint: z.string() }).catch({ fingerprint: 'damaged' }),
});

const nameOf = ({ scope, scopeId }: Pick<KeyAddress, 'scope' | 'scopeId'>): string => `${scope}#${scopeId}`;

/**
 * Which keys are stored, without their ciphertext. The names in each projection are the attributes that the role of the
 * function may read (lib/item-uses.ts).
 */
export const dynamoDbKeyFacts = (
  dynamoDb: DynamoDBDocumentClient,
  keysTable: string,
): StoredKeyStates & StoredKeyPools => {
  const read = async (
    addresses: readonly KeyAddress[],
    projection: string,
  ): Promise<readonly (readonly [KeyAddress, Item])[]> => {
    const found: (readonly [KeyAddress, Item])[] = [];
    for (let from = 0; from < addresses.length; from += MAX_BATCH) {
      const batch = addresses.slice(from, from + MAX_BATCH);
      const placeOf = ({ scope, scopeId }: KeyAddress): PrimaryKey => primaryKey.key(scope, scopeId);
      const lookup = await readTogether(
        dynamoDb,
        { [keysTable]: batch.map(placeOf) },
        { ProjectionExpression: projection, ExpressionAttributeNames: { '#state': 'state' } },
      );
      for (const address of batch) {
        const item = lookup(keysTable, placeOf(address));
        if (item !== undefined) found.push([address, item]);
      }
    }
    return found;
  };

  return {
    readStates: async (addresses) => {
      const states = new Map<string, 'active' | 'suspended'>();
      for (const [address, item] of await read(addresses, 'pk, sk, #state')) {
        const { state } = stateItem.parse(item);
        if (state !== 'deleted') states.set(nameOf(address), state);
      }
      return (address) => states.get(nameOf(address));
    },

    listPools: async (addresses) =>
      (await read(addresses, 'pk, sk, #state, sealed.fingerprint')).flatMap(([{ scope, scopeId }, item]) => {
        const { state, sealed } = poolItem.parse(item);
        return state === 'deleted' ? [] : [{ scope, scopeId, pool: keyPoolOf(sealed.fingerprint) }];
      }),
  };
};
