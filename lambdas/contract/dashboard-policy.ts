/**
 * Content-Security-Policy of the dashboard, for the stack and for the local run: everything from its own origin,
 * connections also to `connect` (the sign-in service, the API, OpenAI), nothing inline, no frames in either direction,
 * and no conversion of text to script.
 */
export const dashboardPolicy = (connect: readonly string[]): string =>
  [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "font-src 'self'",
    "img-src 'self' data:",
    "media-src 'self' blob:",
    ['connect-src', "'self'", ...new Set(connect)].join(' '),
    "require-trusted-types-for 'script'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
