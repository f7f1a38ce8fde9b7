/**
 * Web origins (RFC 6454) as sites register them and as browsers send them. A browser's Origin header proves
 * nothing about a caller that is not a browser: matching it keeps other web pages out, not scripts.
 */

const LOCAL_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);
/** What a person can mean by an origin: no path, credentials, escapes, white space or control characters. */
const PLAIN = /^https?:\/\/[^\s\p{Cc}/?#@\\%*]+$/iu;
const WILDCARD_PREFIX = /^https:\/\/\*\./i;
const SUBDOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+$/;

/**
 * The canonical form of an origin that a site may register, or undefined. Accepts `https://host[:port]`,
 * `http://localhost[:port]` for development, and `https://*.example.com` for every subdomain (not the apex).
 * International names become punycode, default ports disappear, one trailing slash is forgiven. Whether a wildcard's
 * domain is the operator's own is for the operator to know: there is no public-suffix list here.
 */
export const parseRegisteredOrigin = (text: string): string | undefined => {
  const trimmed = text.trim().replace(/\/$/, '');
  if (!WILDCARD_PREFIX.test(trimmed)) return parseExactOrigin(trimmed);
  const parent = parseExactOrigin(trimmed.replace(WILDCARD_PREFIX, 'https://'));
  const hasTwoLabels = parent !== undefined && /^https:\/\/[^:]+\.[^:.]*[a-z][^:.]*(?::\d+)?$/.test(parent);
  return hasTwoLabels ? parent.replace('https://', 'https://*.') : undefined;
};

const parseExactOrigin = (text: string): string | undefined => {
  if (!PLAIN.test(text) || !URL.canParse(text)) return undefined;
  const { protocol, hostname, origin } = new URL(text);
  const emptyLabel = hostname.startsWith('.') || hostname.endsWith('.') || hostname.includes('..');
  // URL maps look-alikes to ASCII: a full-width asterisk would come out as a wildcard.
  if (emptyLabel || hostname.includes('*')) return undefined;
  return protocol === 'https:' || LOCAL_HOSTS.has(hostname) ? origin : undefined;
};

/** Exact match on scheme, host and port, byte for byte; or a registered wildcard with a real subdomain. */
export const originAllowed = (origin: string, registered: readonly string[]): boolean =>
  registered.some((pattern) =>
    pattern.startsWith('https://*.') ? matchesWildcard(origin, pattern) : origin === pattern,
  );

const matchesWildcard = (origin: string, pattern: string): boolean => {
  const suffix = pattern.slice('https://*.'.length);
  const scheme = 'https://';
  if (!origin.startsWith(scheme) || !origin.endsWith(`.${suffix}`)) return false;
  const subdomain = origin.slice(scheme.length, origin.length - suffix.length);
  return SUBDOMAIN.test(subdomain);
};
