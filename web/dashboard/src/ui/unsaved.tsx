import { useEffect, useRef, useState } from 'react';
import { useBlocker } from 'react-router';
import { useSession } from '../session.tsx';
import { Button } from './button.tsx';
import { Dialog } from './dialog.tsx';
import { leavesToSignIn, onKeepDrafts, takeKeptDraft } from './kept-drafts.ts';

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The fields of `edits` that differ from `stored`. */
const changesIn = <Draft extends object>(edits: Partial<Draft>, stored: Draft): Partial<Draft> =>
  Object.fromEntries(
    Object.entries(edits).filter(([field, value]) => !isSame(value, stored[field as keyof Draft])),
  ) as Partial<Draft>;

/**
 * A form's edits of something stored. A field that the person has not edited shows what is stored now, so that a change by
 * another person appears and is never sent back. `dirty` while an edit differs from what is stored. `of`: ID of what a dialog
 * is about, if its page has several of the kind.
 */
export const useDraft = <Draft extends object>(stored: Draft, of = '') => {
  const { sub } = useSession().person;
  const [kept] = useState(() => takeKeptDraft(stored, of, sub));
  const [edits, setEdits] = useState<Partial<Draft>>(kept?.edits ?? {});
  const sent = useRef<Partial<Draft>>({});
  /** The stored value of each edited field when its edit began. */
  const bases = useRef<Partial<Draft>>(kept?.bases ?? {});
  const changes = changesIn(edits, stored);
  const dirty = Object.keys(changes).length > 0;
  const discard = (field: keyof Draft): void => {
    delete bases.current[field];
    setEdits((now) => {
      const { [field]: _, ...others } = now;
      return others as Partial<Draft>;
    });
  };
  useEffect(
    () => onKeepDrafts(stored, of, () => (dirty ? { sub, edits, bases: bases.current } : undefined)),
    [stored, of, edits, dirty, sub],
  );
  return {
    draft: { ...stored, ...edits },
    dirty,
    /** An edit back to what is stored is none, unless another value of the field is being stored. */
    set: <Field extends keyof Draft>(field: Field, value: Draft[Field]): void => {
      if (isSame(value, stored[field]) && !(field in sent.current)) {
        discard(field);
        return;
      }
      if (!(field in edits)) bases.current[field] = stored[field];
      setEdits((now) => ({ ...now, [field]: value }));
    },
    /** The edited fields alone, to send. */
    send: (): Partial<Draft> => {
      sent.current = edits;
      return changes;
    },
    /** Forgets the edits that were sent, once they are `saved`; those made meanwhile stay. */
    adopt: (saved: Draft): void => {
      const asSent = sent.current;
      sent.current = {};
      for (const field of Object.keys(asSent) as (keyof Draft)[]) bases.current[field] = saved[field];
      setEdits((now) => {
        const later = Object.entries(now).filter(([field, value]) => asSent[field as keyof Draft] !== value);
        return Object.fromEntries(later) as Partial<Draft>;
      });
    },
    /**
     * The edited fields that another person has changed since the edit began, by what is stored `now`. Names each change
     * once.
     */
    changedByOthers: (now: Draft): readonly string[] => {
      const fields = (Object.keys(changes) as (keyof Draft & string)[]).filter(
        (field) =>
          field in bases.current &&
          !isSame(now[field], bases.current[field]) &&
          !isSame(now[field], changes[field]),
      );
      for (const field of fields) bases.current[field] = now[field];
      return fields;
    },
    /** Shows what is stored of a field again. */
    discard,
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
