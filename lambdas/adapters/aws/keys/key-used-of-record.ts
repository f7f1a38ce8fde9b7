import type { AttributeValue } from '@aws-sdk/client-dynamodb';
import { unmarshall } from '@aws-sdk/util-dynamodb';
import type { DynamoDBRecord } from 'aws-lambda';
import * as z from 'zod';
import { isSiteId, isWorkspaceId } from '../../../domain/identifiers.ts';
import type { KeyUsed } from '../../../domain/keys/key-used.ts';
import { type KeyAddress, PLATFORM_ADDRESS } from '../../../domain/keys/stored-key.ts';

const usedKey = z
  .object({
    workspaceId: z.string().refine(isWorkspaceId),
    siteId: z.string().refine(isSiteId),
    keyScope: z.enum(['site', 'workspace', 'platform']),
    keyVersion: z.int().positive(),
    settledAt: z.iso.datetime(),
  })
  .transform(
    ({ workspaceId, siteId, keyScope, keyVersion, settledAt }): KeyUsed => ({
      address: addressOf[keyScope](workspaceId, siteId),
      version: keyVersion,
      at: settledAt,
    }),
  );

const addressOf: Readonly<Record<KeyAddress['scope'], (workspaceId: string, siteId: string) => KeyAddress>> =
  {
    site: (workspaceId, scopeId) => ({ scope: 'site', scopeId, workspaceId }),
    workspace: (workspaceId) => ({ scope: 'workspace', scopeId: workspaceId, workspaceId }),
    platform: () => PLATFORM_ADDRESS,
  };

/**
 * The use of a key that a record of the sessions table reports: a client secret that was issued, or a call that OpenAI
 * created, handed out or not. Undefined for every other record, because refusals, tests, hang-ups and watchers do not count
 * as a use. A record that is written again later gives the same use again. Throws on a use that it cannot read.
 */
export const keyUsedOf = (record: DynamoDBRecord): KeyUsed | undefined => {
  const { NewImage } = record.dynamodb ?? {};
  if (record.eventName === 'REMOVE' || NewImage === undefined) return undefined;
  const text = (name: string): string => NewImage[name]?.S ?? '';
  const isToken =
    text('sk').startsWith('SESSION#') &&
    text('kind') === 'visitor' &&
    text('state') === 'issued' &&
    // A call has a separate record of the use.
    text('openedWith') !== 'call';
  const isCall =
    text('pk').startsWith('USE#') &&
    text('reason') === 'call' &&
    text('state') === 'settled' &&
    text('result') === 'ok';
  return isToken || isCall
    ? usedKey.parse(unmarshall(NewImage as Record<string, AttributeValue>))
    : undefined;
};
