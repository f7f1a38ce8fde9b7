/**
 * Unsaved forms that survive a new sign-in: the page leaves for the issuer, and the form shows the same draft when it comes
 * back. Kept in sessionStorage, for this tab, and taken out once.
 */

const LEAVING = new EventTarget();
let isLeaving = false;

const nameOf = (stored: object): string =>
  `spelo.draft ${window.location.pathname}${window.location.search} ${Object.keys(stored).join()}`;

/** True while the page leaves to sign in again: nothing is lost, so nothing is asked. */
export const leavesToSignIn = (): boolean => isLeaving;

const kept = new Set<string>();

/** Has every form that is shown keep its draft. */
export const keepDrafts = (): void => {
  isLeaving = true;
  LEAVING.dispatchEvent(new Event('leave'));
};

/** Deletes what keepDrafts kept. For a page that stays open after all: its forms still hold the text. */
export const dropKeptDrafts = (): void => {
  isLeaving = false;
  for (const name of kept) window.sessionStorage.removeItem(name);
  kept.clear();
};

/** Calls `draft` when drafts are kept. Returns the function that ends it. */
export const onKeepDrafts = (stored: object, draft: () => object | undefined): (() => void) => {
  const keep = (): void => {
    const unsaved = draft();
    if (unsaved === undefined) return;
    kept.add(nameOf(stored));
    window.sessionStorage.setItem(nameOf(stored), JSON.stringify(unsaved));
  };
  LEAVING.addEventListener('leave', keep);
  return () => LEAVING.removeEventListener('leave', keep);
};

/** The draft that was kept of this form, once. */
export const takeKeptDraft = <Draft extends object>(stored: Draft): Partial<Draft> | undefined => {
  const unsaved = window.sessionStorage.getItem(nameOf(stored));
  window.sessionStorage.removeItem(nameOf(stored));
  return unsaved === null ? undefined : JSON.parse(unsaved);
};
