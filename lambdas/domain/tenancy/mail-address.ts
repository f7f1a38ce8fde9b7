/** The part before `@`, unquoted, as mail systems without SMTPUTF8 accept it. Source: RFC 5322, 3.2.3 (atext). */
const LOCAL_PART = /^(?!\.)(?!.*\.\.)(?!.*\.$)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}$/;

/** Characters that a domain may not contain, so that nothing but a host gets into the URL that converts it. */
const NO_HOST = /[\s/\\?#@:%[\]<>^|\p{Cc}]/u;
const DOMAIN = /^(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+(?:[a-z]{2,63}|xn--[a-z0-9-]{1,58}[a-z0-9])$/;

/** Bytes. Source: RFC 5321, 4.5.3.1.3, without the angle brackets. */
const MAX_LENGTH = 254;

/**
 * A mail address without surrounding text, its domain in the form that mail systems use (`bücher.example` becomes
 * `xn--bcher-kva.example`); undefined for other text.
 */
export const parseMailAddress = (text: string): string | undefined => {
  const address = text.replace(/\p{Cf}/gu, '').trim();
  const at = address.lastIndexOf('@');
  const local = address.slice(0, Math.max(at, 0));
  const domain = asciiDomain(address.slice(at + 1));
  if (!LOCAL_PART.test(local) || domain === undefined) return undefined;
  const parsed = `${local}@${domain}`;
  return parsed.length <= MAX_LENGTH ? parsed : undefined;
};

const asciiDomain = (domain: string): string | undefined => {
  if (NO_HOST.test(domain) || !URL.canParse(`http://${domain}`)) return undefined;
  const { hostname } = new URL(`http://${domain}`);
  return DOMAIN.test(hostname) ? hostname : undefined;
};
