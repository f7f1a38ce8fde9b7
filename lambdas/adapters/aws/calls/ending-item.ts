import type { SealedKey } from '../../../domain/keys/sealed-key.ts';
import type { TransactWrite } from '../audit/event-outbox.ts';
import { itemOfRetained } from '../keys/stored-key-item.ts';
import { callKey } from './call-keys.ts';

/** Time for which a shredded version can still hang up its own calls, seconds, by the reader's clock. */
export const ENDING_SECONDS = 60;

/** Keeps one version so that it can end its own calls, in the transaction that shreds it. */
export const endingPut = (keysTable: string, sealed: SealedKey, at: Date): TransactWrite => ({
  Put: {
    TableName: keysTable,
    Item: {
      ...callKey.ending(sealed.scope, sealed.scopeId, sealed.version),
      ...itemOfRetained({
        sealed,
        verdict: { ok: true, code: 'ok', message: '', checkedAt: at.toISOString(), latencyMs: 0 },
        createdAt: at.toISOString(),
        createdBy: 'system:keys',
        retainedUntil: Math.floor(at.getTime() / 1_000) + ENDING_SECONDS,
      }),
    },
  },
});
