/** Webhooks of one workspace. The dashboard shows the limit before a form is filled in. */
export const MAX_WEBHOOKS = 10;
