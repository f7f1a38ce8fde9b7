import { mayHoldSecret } from '../secret-shape.ts';

/**
 * Web origins (RFC 6454) as sites register them and as browsers send them. A browser's Origin header proves
 * nothing about a caller that is not a browser: matching it keeps other web pages out, not scripts.
 */

const LOCAL_HOSTS = new Set(['localhost', '127.0.0.1', '[::1]']);
/** Form of a valid origin: no path, credentials, escapes, white space or control characters. */
const PLAIN = /^https?:\/\/[^\s\p{Cc}/?#@\\%*]+$/iu;
const WILDCARD_PREFIX = /^https:\/\/\*\./i;
/** Labels as browsers send them. DNS allows an underscore in a host name, and hosting services use it. */
const SUBDOMAIN = /^(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?\.)+$/;

/** Electron apps that `electron-serve` or Capacitor load have the host `-`. */
const HOST = '(?:-|[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?)(?::\\d{1,5})?';

/** Origins of pages inside apps and browser extensions, by scheme. Each is registered exactly. */
const APP_ORIGINS = [
  // Capacitor and Ionic on iOS, Tauri on macOS and Linux, Electron apps with a custom scheme.
  new RegExp(`^(?:capacitor|capacitor-electron|ionic|tauri|app|wails)://${HOST}$`),
  // The id of an extension: Chrome and Edge, Firefox, Safari.
  /^chrome-extension:\/\/[a-p]{32}$/,
  /^(?:moz|safari-web)-extension:\/\/[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/,
];

const parseAppOrigin = (text: string): string | undefined => {
  const lower = text.toLowerCase();
  const isForm = APP_ORIGINS.some((form) => form.test(lower)) && !lower.includes('..');
  return isForm && URL.canParse(lower) ? lower : undefined;
};

/**
 * The canonical form of an origin that a site may register, or undefined. Accepts `https://host[:port]`; `http://` for
 * localhost and names below it (`http://tauri.localhost`); `https://*.example.com` for every subdomain, not the apex; and
 * the origins of apps and browser extensions (`capacitor://localhost`). International names become punycode, default ports
 * disappear, one trailing slash is forgiven. The Public Suffix List is consulted where origins are stored, not here.
 */
export const parseRegisteredOrigin = (text: string): string | undefined => {
  const trimmed = text.trim().replace(/\/$/, '');
  const app = parseAppOrigin(trimmed);
  if (app !== undefined) return app;
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
  return protocol === 'https:' || isLocal(hostname) ? origin : undefined;
};

/** Browsers resolve names below localhost to this machine (https://w3c.github.io/webappsec-secure-contexts/). */
const isLocal = (hostname: string): boolean => LOCAL_HOSTS.has(hostname) || hostname.endsWith('.localhost');

/** The domain below which a registered wildcard allows everything; undefined for an exact origin. */
export const wildcardParentOf = (registered: string): string | undefined =>
  registered.startsWith('https://*.')
    ? registered.slice('https://*.'.length).replace(/:\d+$/, '')
    : undefined;

/** Longest origin that is shown to an operator: a host name has at most 253 characters. */
const MAX_SHOWN_ORIGIN = 300;

/**
 * The form of a refused Origin header for the operator: the canonical origin, international names as punycode.
 * undefined for a header that is no origin, `null` among them, and for one that may hold a key: nobody's key is stored.
 */
export const refusedOriginOf = (header: string | undefined): string | undefined => {
  if (header === undefined || header.length > MAX_SHOWN_ORIGIN || mayHoldSecret(header)) return undefined;
  const app = parseAppOrigin(header);
  if (app !== undefined) return app;
  if (!PLAIN.test(header) || !URL.canParse(header)) return undefined;
  const { origin, hostname } = new URL(header);
  return hostname.includes('*') ? undefined : origin;
};

/** Exact match on scheme, host and port, byte for byte; or a registered wildcard with a real subdomain. */
export const originAllowed = (origin: string, registered: readonly string[]): boolean =>
  registered.some((pattern) =>
    pattern.startsWith('https://*.')
      ? matchesWildcard(origin, pattern)
      : // Safari sends the id of an extension in capitals.
        origin === pattern || parseAppOrigin(origin) === pattern,
  );

const matchesWildcard = (origin: string, pattern: string): boolean => {
  const suffix = pattern.slice('https://*.'.length);
  const scheme = 'https://';
  if (!origin.startsWith(scheme) || !origin.endsWith(`.${suffix}`)) return false;
  const subdomain = origin.slice(scheme.length, origin.length - suffix.length);
  return SUBDOMAIN.test(subdomain);
};
