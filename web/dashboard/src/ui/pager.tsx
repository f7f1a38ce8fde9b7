import { useEffect, useState } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { Button } from './button.tsx';
import { formatTime } from './format.ts';
import { Empty, Note } from './states.tsx';
import ui from './ui.module.css';

type Order = 'newest_first' | 'oldest_first';

/** Turns the pages of a list; `cursors` are those of the pages gone through. */
export const Pager = ({
  cursors,
  next,
  order = 'newest_first',
  onMove,
}: {
  readonly cursors: readonly string[];
  readonly next: string | null;
  readonly order?: Order;
  readonly onMove: (cursors: readonly string[]) => void;
}) =>
  cursors.length === 0 && next === null ? null : (
    <div className={ui['cardFoot']}>
      <Button small disabled={cursors.length === 0} onClick={() => onMove(cursors.slice(0, -1))}>
        {order === 'newest_first' ? 'Newer' : 'Older'}
      </Button>
      <Button small disabled={next === null} onClick={() => next !== null && onMove([...cursors, next])}>
        {order === 'newest_first' ? 'Older' : 'Newer'}
      </Button>
    </div>
  );

/**
 * Below a list whose page could not be loaded. Goes to the first page, and says so, where a link names a page that does not
 * exist, or only for another person. Offers the way back after any other failure.
 */
export const FailedPage = ({
  query,
  cursors,
  order = 'newest_first',
  onMove,
}: {
  readonly query: { readonly isLoadingError: boolean; readonly error: unknown };
  readonly cursors: readonly string[];
  readonly order?: Order;
  readonly onMove: (cursors: readonly string[]) => void;
}) => {
  const [wasStale, setWasStale] = useState(false);
  const isStale =
    query.isLoadingError &&
    cursors.length > 0 &&
    query.error instanceof ApiFailure &&
    query.error.detail('cursor') !== undefined;
  // biome-ignore lint/correctness/useExhaustiveDependencies: once for each stale page; `onMove` is another one in each render.
  useEffect(() => {
    if (!isStale) return;
    setWasStale(true);
    onMove([]);
  }, [isStale]);
  if (query.isLoadingError) return <Pager cursors={cursors} next={null} order={order} onMove={onMove} />;
  return wasStale && cursors.length === 0 ? (
    <div className={ui['cardFoot']}>
      <Note live title="This is the first page.">
        <p>The page in the link no longer exists, or only the person who sent the link can open it.</p>
      </Note>
    </div>
  ) : null;
};

/** A search that has found nothing yet, and has rows left. */
export const SearchedSoFar = ({
  searchedTo,
  order = 'newest_first',
  onFurther,
}: {
  readonly searchedTo: string | null;
  readonly order?: Order;
  readonly onFurther: () => void;
}) => (
  <Empty
    title={
      searchedTo === null
        ? 'Nothing found yet'
        : `Searched ${order === 'newest_first' ? 'back' : 'up'} to ${formatTime(searchedTo)}`
    }
    action={
      <Button small onClick={onFurther}>
        Search further
      </Button>
    }
  >
    Nothing found so far. {order === 'newest_first' ? 'Older' : 'Newer'} rows have not been searched yet.
  </Empty>
);
