import { parseRegisteredOrigin } from '../../../../lambdas/domain/tenancy/origin.ts';

export type OriginVerdict =
  | { readonly ok: true; readonly canonical: string; readonly remark: string | undefined }
  | { readonly ok: false; readonly why: string; readonly suggestion: string | undefined };

/**
 * Whether a site may register this origin, decided by the very rule that the API applies, and in a refusal why and, where
 * there is one, what was probably meant.
 */
export const explainOrigin = (typed: string): OriginVerdict => {
  const text = typed.trim();
  const canonical = parseRegisteredOrigin(text);
  if (canonical !== undefined) return { ok: true, canonical, remark: remarkOn(text, canonical) };
  const why = faultOf(text);
  return { ok: false, why, suggestion: suggestionFor(text) };
};

const remarkOn = (text: string, canonical: string): string | undefined => {
  if (canonical.startsWith('https://*.'))
    return `Covers every subdomain of ${canonical.slice('https://*.'.length)}, but not the domain itself.`;
  if (canonical === 'http://tauri.localhost' || !/^https?:/.test(canonical))
    return 'For your own app or browser extension. It is matched exactly.';
  if (canonical.startsWith('http://')) return 'For development on your own machine only.';
  return canonical === text ? undefined : `Registered as ${canonical}.`;
};

const faultOf = (text: string): string => {
  if (text === '') return 'Type an origin, for example https://www.example.com.';
  if (/\s/.test(text)) return 'One origin at a time, without spaces.';
  if (text === '*') return '“*” would let every website use your key.';
  if (text === 'null') return 'Sandboxed pages and local files send “null”, so anyone could use your key.';
  const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text)?.[1]?.toLowerCase();
  if (!/^[a-z][a-z0-9+.-]*:\/\//i.test(text)) return 'The scheme is missing: it starts with https://.';
  if (scheme !== undefined && /-extension$/.test(scheme))
    return 'The origin of an extension ends with its ID. Copy it from the browser’s list of extensions.';
  if (scheme !== 'https' && scheme !== 'http')
    return `Pages on ${scheme}:// cannot use voice; https:// can, and apps such as capacitor://localhost.`;
  const rest = text.replace(/^[a-z]+:\/\//i, '');
  if (rest === '') return 'The host is missing after the scheme.';
  if (rest.includes('@')) return 'An origin does not contain a user name or password.';
  if (/[/?#]/.test(rest.replace(/\/$/, '')))
    return 'An origin ends after the host and port. Remove the path.';
  if (rest.includes('*')) {
    if (scheme === 'http') return 'A wildcard needs https://.';
    if (!rest.startsWith('*.')) return 'A wildcard stands alone at the front: https://*.example.com.';
    return 'A wildcard needs a domain of your own below it: https://*.example.com, not https://*.com.';
  }
  if (scheme === 'http')
    return 'Plain http:// works for localhost only: browsers give the microphone to https:// pages alone.';
  if (/:\d+$/.test(rest) && Number(rest.split(':').at(-1)) > 65_535) return 'The highest port is 65535.';
  return 'This is not a host name that a browser could send.';
};

/** The origin inside what was typed, where it would be accepted. */
const suggestionFor = (text: string): string | undefined => {
  const withScheme = /^[a-z][a-z0-9+.-]*:\/\//i.test(text) ? text : `https://${text}`;
  const secure = withScheme.replace(/^http:\/\//i, 'https://').replace(/^(https:\/\/)[^/@]*@/i, '$1');
  const end = secure.slice('https://'.length).search(/[/?#]/);
  const cut = end === -1 ? secure : secure.slice(0, 'https://'.length + end);
  if (/\s/.test(cut) || !cut.slice('https://'.length).includes('.')) return undefined;
  return parseRegisteredOrigin(cut);
};
