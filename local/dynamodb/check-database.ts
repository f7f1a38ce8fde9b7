import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { DamagedDatabaseError } from './errors.ts';

// SQLite result codes, https://www.sqlite.org/rescode.html
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;

/**
 * Passes when the file is absent, empty or a sound database.
 *
 * The engine notices a damaged header or catalogue when it starts, but a damaged page only when a request reads it,
 * as a 500. Checking first turns that into one sentence before anything runs. A few milliseconds for a local file.
 *
 * @throws {DamagedDatabaseError}
 */
export function checkDatabase(dbPath: string): void {
  if (!existsSync(dbPath)) return;
  let problem: unknown;
  try {
    const database = new DatabaseSync(dbPath);
    try {
      const row = database.prepare('PRAGMA quick_check(1)').get();
      problem = row?.['quick_check'] === 'ok' ? undefined : SQLITE_CORRUPT;
    } finally {
      database.close();
    }
  } catch (error) {
    // A lock held by another process, or a missing permission, is not damage. The engine reports those itself.
    problem = damageCode(error);
  }
  if (problem !== undefined) throw new DamagedDatabaseError(dbPath);
}

function damageCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number')
    return undefined;
  // The low byte is the primary code; the rest refines it (CORRUPT_INDEX and the like).
  const primary = error.errcode & 0xff;
  return primary === SQLITE_CORRUPT || primary === SQLITE_NOTADB ? primary : undefined;
}
