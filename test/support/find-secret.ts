/** The number of neighbouring characters of a secret that count as a leak. */
const WINDOW = 12;
/** The ends that the product may show: `sk-proj-...AbCd`. The first window, `sk-proj-` and four more, is already a leak. */
const SHOWN_SUFFIX = 4;
/** Base64 characters that a window determines for any text before it; the same at each of the three alignments. */
const BASE64_WINDOW = 15;

export type Encoding = 'plain' | 'utf-16' | 'escaped' | 'hex' | 'base64';

export interface Finding {
  /** Name of the secret, never the secret. */
  readonly secret: string;
  readonly encoding: Encoding;
  /** Its offset in the (normalised) haystack. */
  readonly at: number;
}

export interface SecretFinder {
  /** The first trace of each secret in each encoding. Empty without a leak. */
  find(haystack: string | Uint8Array): readonly Finding[];
}

/**
 * Looks for any twelve neighbouring characters of any secret, the last four of the secret left out: as they are, as
 * UTF-16, percent- or `\u`-escaped, as hex, and as base64 or base64url at every alignment.
 *
 * @example secretFinder({ key }).find(logLine)
 */
export const secretFinder = (secrets: Readonly<Record<string, string>>): SecretFinder => {
  const plain = new WindowIndex(WINDOW);
  const hex = new WindowIndex(WINDOW * 2);
  const base64 = new WindowIndex(BASE64_WINDOW);
  for (const [name, secret] of Object.entries(secrets)) {
    const hidden = secret.slice(0, -SHOWN_SUFFIX);
    if (hidden.length < WINDOW) throw new Error(`The secret ${name} is too short to be looked for.`);
    for (let start = 0; start + WINDOW <= hidden.length; start++) {
      const window = hidden.slice(start, start + WINDOW);
      plain.add(window, name);
      hex.add(Buffer.from(window).toString('hex'), name);
      for (const text of base64Windows(window)) base64.add(text, name);
    }
  }
  return {
    find: (haystack) => {
      const text = (
        typeof haystack === 'string'
          ? Buffer.from(haystack, 'utf8')
          : Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength)
      ).toString('latin1');
      // Both byte orders of UTF-16 put a zero byte next to each of these characters.
      const withoutZeros = text.replaceAll('\0', '');
      const unescaped = unescapeText(text);
      return [
        ...plain.search(text, 'plain'),
        ...(withoutZeros.length === text.length ? [] : plain.search(withoutZeros, 'utf-16')),
        ...(unescaped === text ? [] : plain.search(unescaped, 'escaped')),
        ...hex.search(text.toLowerCase(), 'hex'),
        ...base64.search(text.replaceAll('-', '+').replaceAll('_', '/'), 'base64'),
      ];
    },
  };
};

const unescapeText = (text: string): string =>
  text.replace(/%([0-9a-f]{2})|\\u00([0-9a-f]{2})|\\x([0-9a-f]{2})/gi, (_, ...groups: unknown[]) =>
    String.fromCharCode(Number.parseInt(String(groups.slice(0, 3).find((group) => group !== undefined)), 16)),
  );

/** The base64 characters that depend only on `window`, if 0, 1 or 2 bytes precede it. */
const base64Windows = (window: string): readonly string[] =>
  [0, 1, 2].map((before) => {
    const encoded = Buffer.from(`${'\0'.repeat(before)}${window}`, 'latin1').toString('base64');
    const firstOwn = Math.ceil((before * 8) / 6);
    return encoded.slice(firstOwn, firstOwn + BASE64_WINDOW);
  });

/** Texts of one length, found in one pass. A bit per three-byte beginning keeps the pass cheap over megabytes. */
class WindowIndex {
  readonly #length: number;
  readonly #names = new Map<string, string>();
  readonly #beginnings = new Uint8Array(2 ** 21);

  constructor(length: number) {
    this.#length = length;
  }

  add(window: string, name: string): void {
    this.#names.set(window, name);
    const beginning = beginningAt(window, 0);
    this.#beginnings[beginning >> 3] = (this.#beginnings[beginning >> 3] ?? 0) | (1 << (beginning & 7));
  }

  search(text: string, encoding: Encoding): Finding[] {
    const found = new Map<string, Finding>();
    for (let at = 0; at + this.#length <= text.length; at++) {
      const beginning = beginningAt(text, at);
      if (((this.#beginnings[beginning >> 3] ?? 0) & (1 << (beginning & 7))) === 0) continue;
      const secret = this.#names.get(text.slice(at, at + this.#length));
      if (secret !== undefined && !found.has(secret)) found.set(secret, { secret, encoding, at });
    }
    return [...found.values()];
  }
}

const beginningAt = (text: string, at: number): number =>
  (text.charCodeAt(at) << 16) | (text.charCodeAt(at + 1) << 8) | text.charCodeAt(at + 2);
