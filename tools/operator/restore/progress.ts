import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { z } from 'zod';
import type { RawItem } from '../../../lambdas/adapters/aws/dynamodb-table-copy.ts';
import { RESTORABLE_TABLES } from '../../../lib/item-uses.ts';
import { type CopyCounts, NOTHING_COPIED } from './copy-table.ts';

export type RestorableTable = (typeof RESTORABLE_TABLES)[number];

const counts = z.object({ missing: z.int(), same: z.int(), different: z.int(), withheld: z.int() });
const key = z.record(z.string(), z.object({ S: z.string() }));
const table = z.object({ done: z.boolean(), after: key.optional(), counts });
const file = z.object({ restore: z.string(), tables: z.partialRecord(z.enum(RESTORABLE_TABLES), table) });

export interface TableProgress {
  readonly done: boolean;
  /** Key of the last restored item that was copied; the next run continues after it. */
  readonly after: RawItem | undefined;
  readonly counts: CopyCounts;
}

/** The progress of a restore, in a file that survives the command. */
export interface Progress {
  of(table: RestorableTable): TableProgress;
  /** On disk before it returns; a crash leaves either the state before or the state after. */
  note(table: RestorableTable, next: RawItem | undefined, page: CopyCounts): void;
  /** The restore is complete. */
  forget(): void;
}

/**
 * The progress in the file at `path`, for the restore that `restore` describes: its tables and options. Without a path, it
 * ends with the command. Throws if the file belongs to another restore, whose positions are meaningless here.
 */
export const openProgress = (path: string | undefined, restore: string): Progress => {
  const begun = path !== undefined && existsSync(path) ? readProgress(path) : { restore, tables: {} };
  if (begun.restore !== restore)
    throw new Error(
      `${path} belongs to another restore (${begun.restore}). Delete it to begin from the start.`,
    );
  const of = (name: RestorableTable): TableProgress => ({
    done: false,
    counts: NOTHING_COPIED,
    ...begun.tables[name],
    after: begun.tables[name]?.after,
  });
  return {
    of,
    note: (name, next, page) => {
      const { counts: before } = of(name);
      begun.tables[name] = {
        done: next === undefined,
        ...(next !== undefined && { after: key.parse(next) }),
        counts: {
          missing: before.missing + page.missing,
          same: before.same + page.same,
          different: before.different + page.different,
          withheld: before.withheld + page.withheld,
        },
      };
      if (path === undefined) return;
      writeFileSync(`${path}.new`, JSON.stringify(begun), { mode: 0o600 });
      renameSync(`${path}.new`, path);
    },
    forget: () => {
      if (path !== undefined) rmSync(path, { force: true });
    },
  };
};

const readProgress = (path: string): z.infer<typeof file> => {
  try {
    return file.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    throw new Error(`${path} does not hold the progress of a restore. Delete it to begin from the start.`);
  }
};
