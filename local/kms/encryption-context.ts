/** The non-secret pairs a ciphertext is bound to; exact and case-sensitive, in any order. */
export type EncryptionContext = Readonly<Record<string, string>>;

/**
 * True only for an object whose own keys and values are all well-formed strings.
 *
 * The value is judged as it is, not rebuilt: a rebuilt record can lose a `__proto__` key, and a key that is lost
 * is a key that is not bound. A lone surrogate would become U+FFFD in UTF-8, so two contexts would bind alike.
 */
export function isEncryptionContext(value: unknown): value is EncryptionContext {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  return Object.entries(value).every(
    ([key, entry]) => key.isWellFormed() && typeof entry === 'string' && entry.isWellFormed(),
  );
}

/** Equal bytes for equal contexts and no others: sorted by key, every part preceded by its length. */
export function canonicalContext(context: EncryptionContext | undefined): Buffer {
  const pairs = Object.entries(context ?? {}).sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.concat(pairs.flat().flatMap(lengthPrefixed));
}

function lengthPrefixed(text: string): Buffer[] {
  const bytes = Buffer.from(text, 'utf8');
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return [length, bytes];
}
