export const hexOf = (bytes: Uint8Array): string =>
  Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** A random id of 32 or 36 characters. `randomUUID` is missing in Safari before 15.4 and on pages that are not secure. */
export const randomId = (): string =>
  crypto.randomUUID?.() ?? hexOf(crypto.getRandomValues(new Uint8Array(16)));
