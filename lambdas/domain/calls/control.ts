/**
 * How far a site's visitors are trusted. `open`: client secrets and calls. `brokered`: calls only, so the broker can end
 * each of them. `locked`: calls without a data channel, so that a visitor can neither read nor change the session.
 */
export const CONTROLS = ['open', 'brokered', 'locked'] as const;
export type Control = (typeof CONTROLS)[number];

/** How a visitor's session was opened: with a client secret, or as a call that the broker created. */
export const OPENED_WITH = ['token', 'call'] as const;
export type OpenedWith = (typeof OPENED_WITH)[number];

/** Whether managed sessions of a stage may be opened with client secrets, which the broker cannot end. */
export const MANAGED_TOKENS = ['allow', 'refuse'] as const;
export type ManagedTokens = (typeof MANAGED_TOKENS)[number];
