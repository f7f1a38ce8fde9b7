/**
 * Unsaved forms that survive a new sign-in: the page leaves for the issuer, and the form shows the same draft when it comes
 * back. Kept in sessionStorage, for this tab, and taken out once.
 */

const LEAVING = new EventTarget();
let isLeaving = false;

/** The unsaved edits of one form. */
interface UnsavedEdits<Draft extends object> {
  /** User ID of the person who made them. Nobody else gets them back. */
  readonly sub: string;
  readonly edits: Partial<Draft>;
  /** The stored value of each edited field when its edit began. */
  readonly bases: Partial<Draft>;
}

const PREFIX = 'spelo.draft ';
/** `of` tells the dialogs of one page apart that have the same fields. */
const nameOf = (stored: object, of: string): string =>
  `${PREFIX}${window.location.pathname}${window.location.search} ${of} ${Object.keys(stored).join()}`;

/** True while the page leaves to sign in again: nothing is lost, so nothing is asked. */
export const leavesToSignIn = (): boolean => isLeaving;

/** Has every form that is shown keep its draft. */
export const keepDrafts = (): void => {
  isLeaving = true;
  LEAVING.dispatchEvent(new Event('leave'));
};

/** Deletes every kept draft: of a page that stays open after all, whose forms still hold the text, or at the sign-out. */
export const dropKeptDrafts = (): void => {
  isLeaving = false;
  for (const name of Object.keys(window.sessionStorage))
    if (name.startsWith(PREFIX)) window.sessionStorage.removeItem(name);
};

/** Calls `draft` when drafts are kept. Returns the function that ends it. */
export const onKeepDrafts = <Draft extends object>(
  stored: Draft,
  of: string,
  draft: () => UnsavedEdits<Draft> | undefined,
): (() => void) => {
  const keep = (): void => {
    const unsaved = draft();
    if (unsaved === undefined) return;
    window.sessionStorage.setItem(nameOf(stored, of), JSON.stringify(unsaved));
  };
  LEAVING.addEventListener('leave', keep);
  return () => LEAVING.removeEventListener('leave', keep);
};

/** The draft of this form that was kept for the person, once. */
export const takeKeptDraft = <Draft extends object>(
  stored: Draft,
  of: string,
  sub: string,
): UnsavedEdits<Draft> | undefined => {
  const text = window.sessionStorage.getItem(nameOf(stored, of));
  window.sessionStorage.removeItem(nameOf(stored, of));
  const unsaved: UnsavedEdits<Draft> | undefined = text === null ? undefined : JSON.parse(text);
  return unsaved?.sub === sub ? unsaved : undefined;
};
