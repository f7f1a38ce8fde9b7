import { Button } from './button.tsx';
import { formatTime } from './format.ts';
import { Empty } from './states.tsx';
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
