import type { KeyActivity, KeyAddress } from './stored-key.ts';

/** One use of a stored key for a visitor: a client secret that was handed out, or a call that OpenAI created. */
export interface KeyUsed {
  readonly address: KeyAddress;
  readonly version: number;
  /** RFC 3339. */
  readonly at: string;
}

/** The accuracy of the last use of a key, milliseconds: a key in constant use has one write in this time. */
export const LAST_USE_ACCURACY_MS = 60_000;

/** The change that a use makes to the notes on its key. */
export interface UseNote {
  /** True: the key was opened after it was last found unreadable, so its record was restored. */
  readonly isReadable: boolean;
}

/**
 * Returns what to write about a use; undefined for one that the notes contain already: not later than the noted one, or
 * less than LAST_USE_ACCURACY_MS later. Uses can arrive twice and in any order.
 */
export const noteOfUse = (
  { version, at }: Pick<KeyUsed, 'version' | 'at'>,
  activity: KeyActivity | undefined,
): UseNote | undefined => {
  const usedMs = Date.parse(at);
  const before = activity?.used ?? undefined;
  if (before !== undefined && Date.parse(before.at) >= usedMs) return undefined;
  const { unreadableVersion = null, unreadableAt = null } = activity ?? {};
  const isReadable = unreadableAt === null || Date.parse(unreadableAt) < usedMs;
  const isKnown = before?.version === version && usedMs - Date.parse(before.at) < LAST_USE_ACCURACY_MS;
  return isKnown && (unreadableVersion === null || !isReadable) ? undefined : { isReadable };
};
