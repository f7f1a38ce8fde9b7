import { useEffect, useRef, useState } from 'react';
import { useBlocker } from 'react-router';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { leavesToSignIn, onKeepDrafts, takeKeptDraft } from './kept-drafts.ts';

/** A form's copy of something stored. `dirty` while the two differ. */
export const useDraft = <Draft extends object>(stored: Draft) => {
  const [draft, setDraft] = useState(() => takeKeptDraft(stored) ?? stored);
  const sent = useRef<Draft>(undefined);
  const dirty = JSON.stringify(draft) !== JSON.stringify(stored);
  useEffect(() => onKeepDrafts(stored, () => (dirty ? draft : undefined)), [stored, draft, dirty]);
  return {
    draft,
    dirty,
    set: <Field extends keyof Draft>(field: Field, value: Draft[Field]): void =>
      setDraft((now) => ({ ...now, [field]: value })),
    /** The draft to send. */
    send: (): Draft => {
      sent.current = draft;
      return draft;
    },
    /** Shows what was stored of it, unless it was edited meanwhile. */
    adopt: (saved: Draft): void => setDraft((now) => (now === sent.current ? saved : now)),
  };
};

/** Asks before unsaved edits would be lost: by a link, the browser's buttons, another tab of the page, or a reload. */
export const UnsavedGuard = ({ dirty }: { readonly dirty: boolean }) => {
  const blocker = useBlocker(({ currentLocation, nextLocation }) => {
    const tabOf = (search: string): string => new URLSearchParams(search).get('tab') ?? '';
    const leaves =
      currentLocation.pathname !== nextLocation.pathname ||
      tabOf(currentLocation.search) !== tabOf(nextLocation.search);
    return dirty && leaves;
  });
  useEffect(() => {
    if (!dirty) return;
    const ask = (event: BeforeUnloadEvent): void => {
      if (!leavesToSignIn()) event.preventDefault();
    };
    window.addEventListener('beforeunload', ask);
    return () => window.removeEventListener('beforeunload', ask);
  }, [dirty]);
  if (blocker.state !== 'blocked') return null;
  return (
    <Dialog
      title="Leave without saving?"
      onClose={blocker.reset}
      foot={
        <>
          <Button kind="danger" onClick={blocker.proceed}>
            Discard changes
          </Button>
          <Button kind="primary" onClick={blocker.reset}>
            Keep editing
          </Button>
        </>
      }
    >
      <p>Your changes on this page are not saved.</p>
    </Dialog>
  );
};
