import { type FocusEvent, useRef, useState } from 'react';

/**
 * Rows that are read again while a person looks at them. While the pointer or the keyboard is in the table no row moves: rows
 * keep their places and change in place, and new ones wait to be shown.
 */
export const useSteadyRows = <Row>(
  latest: readonly Row[],
  keyOf: (row: Row) => string,
): {
  readonly rows: readonly Row[];
  /** New rows that are not shown yet. */
  readonly waiting: number;
  readonly show: () => void;
  /** For the element around the table. */
  readonly hold: Readonly<Record<'onPointerEnter' | 'onPointerLeave' | 'onFocus', () => void>> & {
    readonly onBlur: (event: FocusEvent) => void;
  };
} => {
  const [held, setHeld] = useState<readonly Row[]>();
  const pointer = useRef(false);
  const focus = useRef(false);
  const byKey = new Map(latest.map((row) => [keyOf(row), row]));
  const rows = held === undefined ? latest : held.map((row) => byKey.get(keyOf(row)) ?? row);
  const shown = new Set(rows.map(keyOf));
  const waiting = latest.filter((row) => !shown.has(keyOf(row))).length;
  const settle = (): void => {
    if (!pointer.current && !focus.current) setHeld(undefined);
    else setHeld((now) => now ?? latest);
  };
  const on = (part: { current: boolean }, value: boolean) => (): void => {
    part.current = value;
    settle();
  };
  return {
    rows,
    waiting,
    show: () => setHeld(latest),
    hold: {
      onPointerEnter: on(pointer, true),
      onPointerLeave: on(pointer, false),
      onFocus: on(focus, true),
      onBlur: ({ currentTarget, relatedTarget }) => {
        if (!currentTarget.contains(relatedTarget)) on(focus, false)();
      },
    },
  };
};
