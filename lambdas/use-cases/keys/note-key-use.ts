import { type KeyUsed, noteOfUse } from '../../domain/keys/key-used.ts';
import type { KeyActivityReader, KeyUseNotes } from '../ports/keys.ts';
import type { BackOff } from '../ports/runtime.ts';
import { retryOnConflict } from '../retry-on-conflict.ts';

const MAX_ATTEMPTS = 5;

/**
 * Records when a key was last used, for its owner. Idempotent, and independent of the order of the uses: an
 * earlier use changes nothing, and a key in constant use is written once a minute.
 */
export const noteKeyUse =
  (ports: { readonly activity: KeyActivityReader & KeyUseNotes; readonly backOff: BackOff }) =>
  (used: KeyUsed): Promise<void> =>
    retryOnConflict(ports.backOff, MAX_ATTEMPTS, async () => {
      const note = noteOfUse(used, await ports.activity.readActivity(used.address));
      if (note !== undefined) await ports.activity.noteUse(used, note);
    });
