import { type ReactNode, useId, useLayoutEffect, useRef, useState } from 'react';
import { looksLike } from '../../../../lambdas/domain/tenancy/names.ts';
import { Button } from './button.tsx';
import { TextField } from './field.tsx';
import { FailureNote } from './states.tsx';
import css from './ui.module.css';

/** The browser's own modal dialog: keeps the focus inside, closes with Escape, gives the focus back. */
export const Dialog = ({
  title,
  wide = false,
  onClose,
  foot,
  children,
}: {
  readonly title: string;
  readonly wide?: boolean;
  readonly onClose: () => void;
  readonly foot: ReactNode;
  readonly children: ReactNode;
}) => {
  const dialog = useRef<HTMLDialogElement>(null);
  const heading = useRef<HTMLHeadingElement>(null);
  const id = useId();
  // Closed before it leaves the page, or the browser would not give the focus back.
  useLayoutEffect(() => {
    const opened = dialog.current;
    opened?.showModal();
    // The browser focuses the first element that can have the focus. A table that scrolls is no place to begin.
    const first = heading.current;
    if (first !== null && document.activeElement?.matches('section') === true) {
      first.tabIndex = -1;
      first.focus();
    }
    return () => opened?.close();
  }, []);
  return (
    <dialog
      ref={dialog}
      className={`${css['dialog']} ${wide ? css['dialogWide'] : ''}`}
      aria-labelledby={id}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
    >
      <div className={css['dialogHead']}>
        <h2 id={id} ref={heading}>
          {title}
        </h2>
      </div>
      <div className={css['dialogBody']}>{children}</div>
      <div className={css['dialogFoot']}>{foot}</div>
    </dialog>
  );
};

/** Asks before something is done. With `typed`, the same word has to be typed first. Stays open while it fails. */
export const ConfirmDialog = ({
  title,
  confirm,
  danger = false,
  typed,
  act,
  onClose,
  children,
}: {
  readonly title: string;
  readonly confirm: string;
  readonly danger?: boolean;
  readonly typed?: string;
  /** Does it; the dialog closes when it went well. */
  readonly act: () => Promise<unknown>;
  readonly onClose: () => void;
  readonly children: ReactNode;
}) => {
  const [text, setText] = useState('');
  const [working, setWorking] = useState(false);
  const [failure, setFailure] = useState<unknown>();
  const ready = typed === undefined || looksLike(text, typed);
  const go = async (): Promise<void> => {
    if (!ready || working) return;
    setWorking(true);
    setFailure(undefined);
    try {
      await act();
      onClose();
    } catch (error) {
      setFailure(error);
      setWorking(false);
    }
  };
  return (
    <Dialog
      title={title}
      onClose={onClose}
      foot={
        <>
          <Button onClick={onClose}>Cancel</Button>
          <Button
            kind={danger ? 'danger' : 'primary'}
            working={working}
            disabled={!ready}
            onClick={() => void go()}
          >
            {confirm}
          </Button>
        </>
      }
    >
      {children}
      {typed !== undefined && (
        <TextField
          label={`Type “${typed}” to confirm`}
          value={text}
          autoComplete="off"
          spellCheck={false}
          onChange={(event) => setText(event.target.value)}
          onKeyDown={(event) => {
            if (event.key === 'Enter') void go();
          }}
        />
      )}
      {failure !== undefined && <FailureNote failure={failure} />}
    </Dialog>
  );
};
