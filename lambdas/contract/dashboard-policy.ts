/**
 * Content-Security-Policy of the dashboard, for the stack and for the local run: everything from its own origin, calls
 * to `connect` besides (the sign-in service, the API, OpenAI), nothing inline, no frame in either direction, and no text
 * that becomes script.
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
