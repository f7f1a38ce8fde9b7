import { type CSSProperties, type ReactNode, useState } from 'react';
import { Button } from './button.tsx';
import css from './ui.module.css';

export interface Column<Row> {
  readonly head: string;
  readonly cell: (row: Row) => ReactNode;
  readonly number?: boolean;
  readonly nowrap?: boolean;
}

/** Narrower, a column of words becomes a column of syllables. */
const COLUMN_PX = 124;

/** Some rows send a separate request to the API. */
const ROWS_AT_A_TIME = 50;

/**
 * A table that scrolls sideways on its own, also by keyboard, where the screen is narrow; on a phone each row is a card. Of
 * many rows it shows the first, and more when asked.
 */
export const Table = <Row,>({
  caption,
  columns,
  rows,
  keyOf,
  columnPx = COLUMN_PX,
}: {
  readonly caption: string;
  readonly columns: readonly Column<Row>[];
  readonly rows: readonly Row[];
  readonly keyOf: (row: Row) => string;
  /** The least width of a column. Less for short words and figures. */
  readonly columnPx?: number;
}) => {
  const [shown, setShown] = useState(ROWS_AT_A_TIME);
  const hidden = rows.length - shown;
  return (
    <>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls has to be reachable by keyboard. */}
      <section className={css['tableWrap']} aria-label={caption} tabIndex={0}>
        <table
          className={css['table']}
          style={{ '--wide': `${columns.length * columnPx}px` } as CSSProperties}
        >
          <caption className={css['visuallyHidden']}>{caption}</caption>
          <thead>
            <tr>
              {columns.map(({ head, number }) => (
                <th key={head} scope="col" className={number ? css['number'] : undefined}>
                  {head}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {rows.slice(0, shown).map((row) => (
              <tr key={keyOf(row)}>
                {columns.map(({ head, cell, number, nowrap }) => (
                  <td
                    key={head}
                    data-head={head}
                    className={number ? css['number'] : nowrap ? css['nowrap'] : undefined}
                  >
                    {cell(row)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      {hidden > 0 && (
        <div className={css['cardFoot']}>
          <Button small onClick={() => setShown((now) => now + ROWS_AT_A_TIME)}>
            Show more
          </Button>
          <span className={css['meta']}>
            {shown} of {rows.length}
          </span>
        </div>
      )}
    </>
  );
};
