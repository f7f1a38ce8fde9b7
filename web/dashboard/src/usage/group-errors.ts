import type { DataOf } from '../api/routes.ts';

type ErrorRow = DataOf<'listErrors'>['items'][number];

/** Errors of one kind at one site. */
export interface ErrorGroup {
  readonly key: string;
  readonly latest: ErrorRow;
  readonly count: number;
  readonly firstAt: string;
  /** The latest session that met it. */
  readonly session: { readonly siteId: string; readonly sessionId: string } | undefined;
}

const keyOf = ({ site_id, source, code, reason, origin }: ErrorRow): string =>
  JSON.stringify([site_id, source, code, reason, origin]);

/** The rows by kind, in the order of each kind's latest row. `rows` are newest first. */
export const groupErrors = (rows: readonly ErrorRow[]): readonly ErrorGroup[] =>
  [...Map.groupBy(rows, keyOf)].flatMap(([key, all]) => {
    const [latest] = all;
    if (latest === undefined) return [];
    const withSession = all.find(({ session_id, site_id }) => session_id !== null && site_id !== null);
    return [
      {
        key,
        latest,
        count: all.reduce((sum, { count }) => sum + count, 0),
        firstAt: all.reduce((first, { first_at }) => (first_at < first ? first_at : first), latest.first_at),
        session:
          withSession === undefined
            ? undefined
            : { siteId: withSession.site_id ?? '', sessionId: withSession.session_id ?? '' },
      },
    ];
  });
