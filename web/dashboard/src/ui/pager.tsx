import { Button } from './button.tsx';
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
