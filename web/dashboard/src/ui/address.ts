import { useState } from 'react';
import { useSearchParams } from 'react-router';

/** Reads and changes the address of the page, so that a view survives a reload and can be linked to. An empty value is left out. */
export const useAddress = (): {
  readonly get: (name: string) => string;
  readonly set: (change: Readonly<Record<string, string>>) => void;
} => {
  const [search, setSearch] = useSearchParams();
  return {
    get: (name) => search.get(name) ?? '',
    set: (change) =>
      setSearch(
        (now) => {
          for (const [name, value] of Object.entries(change)) {
            if (value === '') now.delete(name);
            else now.set(name, value);
          }
          return now;
        },
        { replace: true },
      ),
  };
};

/** Names in the address of where the shown page of a list starts. */
const PAGES = ['rows', 'anomalies', 'errors', 'sessions', 'page'] as const;

/** Returns to the first page of every list. Another tab may change the filters that a later page belongs to. */
export const leavePages = (search: URLSearchParams): void => {
  for (const name of PAGES) search.delete(name);
};

/** The pages gone through of a list; the address keeps where the one that is shown starts. */
export const usePages = (
  name: (typeof PAGES)[number],
): {
  readonly cursors: readonly string[];
  readonly move: (cursors: readonly string[], change?: Readonly<Record<string, string>>) => void;
} => {
  const { get, set } = useAddress();
  const shown = get(name);
  const [gone, setGone] = useState<readonly string[]>(shown === '' ? [] : [shown]);
  return {
    cursors: shown === '' ? [] : gone.at(-1) === shown ? gone : [shown],
    move: (cursors, change = {}) => {
      setGone(cursors);
      set({ ...change, [name]: cursors.at(-1) ?? '' });
    },
  };
};
