/** Advice for the developer of the page, shown in the console, by the name of the problem. */
export const HINTS = {
  no_site_id: () => 'the attribute site-id is missing.',
  connect_src: (origin: string) =>
    `the page's Content-Security-Policy does not allow ${origin}: add it to connect-src.`,
  permissions_policy: () =>
    'this page may not use the microphone: the frame needs allow="microphone", and a Permissions-Policy header microphone=(self).',
  embed_token: (error: string) => `voice.getEmbedToken failed: ${error}.`,
  no_answer: (api: string, siteId: string, origin: string) =>
    `no answer from ${api}. Is ${origin} among the allowed origins of site ${siteId}?`,
} as const;

/** The name of a problem, and the values that its advice mentions. */
export type Hint = readonly [name: keyof typeof HINTS, ...values: string[]];

export const adviceOf = ([name, ...values]: Hint): string =>
  (HINTS[name] as (...values: string[]) => string)(...values);
