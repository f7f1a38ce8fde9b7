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

/** Has every form that is shown keep its draft. */
export const keepDrafts = (): void => {
  isLeaving = true;
  LEAVING.dispatchEvent(new Event('leave'));
};

/** Calls `draft` when drafts are kept. Returns the function that ends it. */
export const onKeepDrafts = (stored: object, draft: () => object | undefined): (() => void) => {
  const keep = (): void => {
    const kept = draft();
    if (kept !== undefined) window.sessionStorage.setItem(nameOf(stored), JSON.stringify(kept));
  };
  LEAVING.addEventListener('leave', keep);
  return () => LEAVING.removeEventListener('leave', keep);
};

/** The draft that was kept of this form, once. */
export const takeKeptDraft = <Draft extends object>(stored: Draft): Draft | undefined => {
  const kept = window.sessionStorage.getItem(nameOf(stored));
  window.sessionStorage.removeItem(nameOf(stored));
  return kept === null ? undefined : JSON.parse(kept);
};
