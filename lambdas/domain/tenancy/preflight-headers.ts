/** Headers that the widget itself sends. */
const OWN_HEADERS = ['Content-Type', 'X-Spelo-Signature'] as const;

/** More than any tracing tool adds, together. */
const MAX_ECHOED = 20;

/** Names of real headers: `sentry-trace`, `x-datadog-parent-id`. No character of them can end a header or start another. */
const SAFE_NAME = /^[a-z0-9_-]{1,64}$/;

/** Longest header that is read. */
const MAX_REQUESTED = 4_096;

/**
 * The value of Access-Control-Allow-Headers for a preflight of an allowed origin: the widget's own headers, and those of
 * the page's tracing tools that the browser asks for (`traceparent`, `baggage`, `sentry-trace` and so on), at most 20, in
 * lower case. A name outside a safe alphabet is left out. The API reads none of them: to allow a name is harmless, and to
 * refuse it would stop every call of a page that is traced.
 */
export const allowedHeaders = (requested: string | undefined): string => {
  const own = new Set(OWN_HEADERS.map((name) => name.toLowerCase()));
  const names = (requested ?? '')
    .slice(0, MAX_REQUESTED)
    .split(',')
    .map((name) => name.trim().toLowerCase())
    .filter((name) => SAFE_NAME.test(name) && !own.has(name));
  return [...OWN_HEADERS, ...[...new Set(names)].slice(0, MAX_ECHOED)].join(', ');
};
