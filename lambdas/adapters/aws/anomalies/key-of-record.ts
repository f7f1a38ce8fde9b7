import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import type { KeyAddress } from '../../../domain/keys/stored-key.ts';
import { addressAt } from '../keys/key-place.ts';

/** Refusals of a session whose key could not be opened. */
const UNREADABLE: ReadonlySet<unknown> = new Set(['openai_key_unreadable', 'platform_key_missing']);

/**
 * The key to examine because of a stream record: its item or its mark was written or removed, or a session could not open
 * it. Undefined for every other record.
 */
export const keyOfRecord = (record: DynamoDBRecord): KeyAddress | undefined => {
  const pk = record.dynamodb?.Keys?.['pk']?.S ?? '';
  const sk = record.dynamodb?.Keys?.['sk']?.S ?? '';
  if (sk === 'KEY') return addressAt(pk);
  if (sk === 'MARK' && pk.startsWith('MARK#')) return addressAt(pk.slice('MARK#'.length));
  if (!sk.startsWith('SESSION#') || record.eventName === 'REMOVE') return undefined;
  const image = unmarshall((record.dynamodb?.NewImage ?? {}) as Record<string, AttributeValue>);
  if (image['state'] !== 'refused' || !UNREADABLE.has(image['refusal'])) return undefined;
  return addressAt(`${String(image['keyScope']).toUpperCase()}#${String(image['keyScopeId'])}`);
};
