import * as z from 'zod';
import type { SealedKey } from '../../../domain/keys/sealed-key.ts';
import {
  damagedSealedKey,
  type KeyAddress,
  type LiveKey,
  type RetainedKey,
  type StoredKey,
} from '../../../domain/keys/stored-key.ts';
import { damagedVerdict } from '../../../domain/keys/verdict.ts';
import { verdictItem } from './key-items.ts';

/**
 * Parses the items of a key in the keys table. Two facts never come from the sealed record itself: the scope, which comes
 * from the item's place, and the version, which comes from the current key's attribute. A record that was moved or
 * restored is therefore opened under an identity that it was not sealed for, and fails. A malformed record is replaced by
 * one that cannot be opened, so that its owner sees `needs_reentry` and can store the key again.
 */

const bytes = z.instanceof(Uint8Array);
/** Far above any possible number of changes of a key. */
const MAX_VERSION = 1_000_000_000;
const version = z.int().positive().max(MAX_VERSION);
/** Longer ones would not fit into the sort key of a slot. */
const label = z.string().max(128);

const content = z.object({
  format: z.number(),
  algorithm: z.string(),
  masked: label,
  fingerprint: label,
  kmsKeyArn: z.string(),
  wrappedDataKey: bytes,
  iv: bytes,
  tag: bytes,
  commitment: bytes,
  ciphertext: bytes,
});

const NOT_KNOWN = '1970-01-01T00:00:00.000Z';
const timestamp = z.iso.datetime().catch(NOT_KNOWN);
const name = z.string().catch('unknown');

/** Lost counters restart here, far above any version that was ever assigned. */
const LOST_COUNTER = 1_000_000;

const currentKeyItem = z.object({
  /** Undefined when it was lost. The key may have been suspended, so it is not opened. */
  state: z.enum(['active', 'suspended', 'deleted']).optional().catch(undefined),
  /** -1 when it was lost; the next write is then conditional on that. */
  revision: z.number().positive().catch(-1),
  lastVersion: version.catch(LOST_COUNTER),
  changedAt: timestamp,
  changedBy: name,
});

const liveItem = z.object({
  version: version.optional().catch(undefined),
  previousVersion: version.nullable().catch(null),
  verdict: verdictItem.catch(damagedVerdict(NOT_KNOWN)),
  createdAt: timestamp,
  createdBy: name,
});

const retainedItem = z.object({
  sealed: content,
  verdict: verdictItem,
  createdAt: z.string(),
  createdBy: z.string(),
  expires_at: z.number(),
});

const sealedAt = (
  { scope, scopeId, workspaceId }: KeyAddress,
  atVersion: number,
  record: z.output<typeof content>,
): SealedKey => ({ ...record, scope, scopeId, workspaceId, version: atVersion });

type Item = Readonly<Record<string, unknown>>;

/** The current key at `address`; undefined if there is none. Never throws. */
export const storedKeyAt = (address: KeyAddress, item: Item | undefined): StoredKey | undefined => {
  if (item === undefined) return undefined;
  const { state, ...head } = currentKeyItem.parse(item);
  if (state === 'deleted') return { state, ...head };
  const { version: current = head.lastVersion, previousVersion, ...live } = liveItem.parse(item);
  const record = content.safeParse(item['sealed']);
  const sealed =
    record.success && state !== undefined
      ? sealedAt(address, current, record.data)
      : damagedSealedKey({ ...address, version: current });
  return {
    state: state ?? 'active',
    ...head,
    lastVersion: Math.max(head.lastVersion, current),
    ...live,
    previousVersion: previousVersion === current ? null : previousVersion,
    sealed,
  };
};

/** The retained record of `atVersion` at `address`; undefined if there is none that a rollback could use. */
export const retainedKeyAt = (
  address: KeyAddress,
  atVersion: number,
  item: Item | undefined,
): RetainedKey | undefined => {
  const parsed = retainedItem.safeParse(item);
  if (!parsed.success) return undefined;
  const { sealed, expires_at: retainedUntil, ...rest } = parsed.data;
  return { ...rest, sealed: sealedAt(address, atVersion, sealed), retainedUntil };
};

/** The item of a current key. Its version is an attribute next to the record, which cannot change it. */
export const itemOfCurrentKey = ({ markedRevision: _, ...currentKey }: StoredKey): Item =>
  'sealed' in currentKey
    ? { ...currentKey, version: currentKey.sealed.version, sealed: recordOf(currentKey) }
    : currentKey;

export const itemOfRetained = ({ retainedUntil, sealed, ...rest }: RetainedKey): Item => ({
  ...rest,
  sealed: recordOf({ sealed }),
  expires_at: retainedUntil,
});

/** The record without its identity, which follows from its place. */
const recordOf = ({ sealed }: Pick<LiveKey, 'sealed'>): z.output<typeof content> => content.parse(sealed);
