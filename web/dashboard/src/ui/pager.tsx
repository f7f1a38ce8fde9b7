import { Button } from './button.tsx';
import { formatTime } from './format.ts';
import { Empty } from './states.tsx';
import ui from './ui.module.css';

/** Turns the pages of a list that is read newest first; `cursors` are those of the pages gone through. */
export const Pager = ({
  cursors,
  next,
  onMove,
}: {
  readonly cursors: readonly string[];
  readonly next: string | null;
  readonly onMove: (cursors: readonly string[]) => void;
}) =>
  cursors.length === 0 && next === null ? null : (
    <div className={ui['cardFoot']}>
      <Button small disabled={cursors.length === 0} onClick={() => onMove(cursors.slice(0, -1))}>
        Newer
      </Button>
      <Button small disabled={next === null} onClick={() => next !== null && onMove([...cursors, next])}>
        Older
      </Button>
    </div>
  );

/** A search that has found nothing yet, and has older rows left. */
export const SearchedSoFar = ({
  searchedTo,
  onFurther,
}: {
  readonly searchedTo: string | null;
  readonly onFurther: () => void;
}) => (
  <Empty
    title={searchedTo === null ? 'Nothing found yet' : `Searched back to ${formatTime(searchedTo)}`}
    action={
      <Button small onClick={onFurther}>
        Search further
      </Button>
    }
  >
    Nothing found so far. Older rows have not been searched yet.
  </Empty>
);
