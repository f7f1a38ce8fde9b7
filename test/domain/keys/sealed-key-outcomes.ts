import { randomBytes } from 'node:crypto';
import { inspect } from 'node:util';
import type { RandomBytes } from '../../../lambdas/domain/identifiers.ts';
import {
  type DataKey,
  openSealedKey,
  type SealedKey,
  sealKey,
} from '../../../lambdas/domain/keys/sealed-key.ts';
import { Secret } from '../../../lambdas/domain/secret.ts';
import { type Identity, SITE_IDENTITY } from './sealed-key-fixture.ts';

export const seal = (
  text: string,
  dataKey: DataKey,
  identity: Identity = SITE_IDENTITY,
  random: RandomBytes = randomBytes,
): SealedKey => {
  const secret = Secret.fromText(text);
  try {
    return sealKey(secret, identity, dataKey, random);
  } finally {
    secret.destroy();
  }
};

/** Opens a record and returns its text, as the use of a key would see it. */
export const open = (record: SealedKey, dataKey: Buffer): string => {
  const secret = openSealedKey(record, dataKey);
  try {
    return secret.bytes().toString('utf8');
  } finally {
    secret.destroy();
  }
};

/** The error that the attempt threw; undefined when the record opened. */
export const errorOfOpening = (record: SealedKey, dataKey: Buffer): unknown => {
  try {
    openSealedKey(record, dataKey).destroy();
    return undefined;
  } catch (error) {
    return error;
  }
};

/**
 * All that a caller can tell about an attempt, except for the plaintext and the stack: two outcomes that are equal here
 * are indistinguishable. A damaged record must give UNREADABLE, whatever its damage.
 */
export const outcomeOfOpening = (record: SealedKey, dataKey: Buffer): string => {
  const error = errorOfOpening(record, dataKey);
  if (error === undefined) return 'opened';
  if (!(error instanceof Error)) return `threw ${inspect(error)}`;
  return JSON.stringify({
    constructor: error.constructor.name,
    name: error.name,
    message: error.message,
    cause: inspect(error.cause),
    properties: Reflect.ownKeys(error).map(String).sort(),
  });
};

export const UNREADABLE = JSON.stringify({
  constructor: 'SealedKeyUnreadableError',
  name: 'SealedKeyUnreadableError',
  message: 'The sealed key cannot be opened.',
  cause: 'undefined',
  properties: ['message', 'name', 'stack'],
});
