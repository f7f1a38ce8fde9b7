import { timingSafeEqual } from 'node:crypto';

/** Whether the bytes are equal; takes as long for wrong bytes as for right ones of the same length. */
export const isSameBytes = (a: Uint8Array, b: Uint8Array): boolean =>
  a.byteLength === b.byteLength && timingSafeEqual(a, b);

/** Whether the texts are equal, compared as UTF-8 in constant time like `isSameBytes`. */
export const isSameText = (a: string, b: string): boolean =>
  isSameBytes(Buffer.from(a, 'utf8'), Buffer.from(b, 'utf8'));
