import { SealedKeyUnreadableError } from '../../domain/keys/sealed-key.ts';
import type { LiveKey } from '../../domain/keys/stored-key.ts';
import type { Secret } from '../../domain/secret.ts';
import type { ReservedSession } from '../../domain/sessions/session.ts';
import type { KeyOpener } from '../ports/keys.ts';
import type { SessionLog } from '../ports/sessions.ts';

/**
 * Opens a key for a reserved session. Hang-up and watcher open one for a recorded use (end-call.ts, watch-call.ts). It takes the reserved session
 * as proof that the intent is recorded, and notes a record that cannot be read, for its owner.
 */
export const withOpenedKey =
  (ports: { readonly opener: KeyOpener; readonly sessions: SessionLog }) =>
  async <Result>(
    session: ReservedSession,
    key: LiveKey,
    use: (plaintext: Secret) => Promise<Result>,
    onDecryptAttempt: (kmsRequestId: string | undefined) => void,
  ): Promise<Result> => {
    try {
      return await ports.opener.withPlaintext(key.sealed, use, onDecryptAttempt);
    } catch (error) {
      if (error instanceof SealedKeyUnreadableError)
        await Promise.allSettled([ports.sessions.noteUnreadable(session)]);
      throw error;
    }
  };
