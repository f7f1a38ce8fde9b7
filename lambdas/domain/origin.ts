/**
 * Web origins (RFC 6454) as sites register them and as browsers send them. A browser's Origin header proves
 * nothing about a caller that is not a browser: matching it keeps other web pages out, not scripts.
 */

const LOCAL_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);
const WILDCARD = /^https:\/\/\*\.((?:[a-z0-9-]+\.)+[a-z0-9-]+)(:\d{1,5})?$/;
const HOST = /^(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+$/;

/**
 * The canonical form of an origin that a site may register, or undefined. Accepts `https://host[:port]`,
 * `http://localhost[:port]` for development, and `https://*.example.com` for every subdomain (not the apex).
 * International names become punycode, default ports disappear, one trailing slash is forgiven.
 */
export const parseRegisteredOrigin = (text: string): string | undefined => {
  const trimmed = text.trim().replace(/\/$/, '');
  const lower = trimmed.toLowerCase();
  if (WILDCARD.test(lower)) {
    const bare = parseExactOrigin(lower.replace('*.', ''));
    return bare?.replace('https://', 'https://*.');
  }
  return trimmed.includes('*') ? undefined : parseExactOrigin(trimmed);
};

const parseExactOrigin = (text: string): string | undefined => {
  if (!URL.canParse(text)) return undefined;
  const url = new URL(text);
  const nothingElse =
    url.pathname === '/' &&
    url.search === '' &&
    url.hash === '' &&
    url.username === '' &&
    url.password === '';
  const hasPathOrCredentials = !nothingElse || /[/?#@\\]/.test(text.slice(text.indexOf('://') + 3));
  if (hasPathOrCredentials || url.hostname.endsWith('.')) return undefined;
  if (url.protocol === 'https:') return url.origin;
  return url.protocol === 'http:' && LOCAL_HOSTS.has(url.hostname) ? url.origin : undefined;
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
  return HOST.test(subdomain);
};
