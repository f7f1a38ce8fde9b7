/**
 * Copies bytes that the SDK returned into our own buffer and zeroes the SDK's, which would otherwise stay in memory.
 */
export const moveToOwnBuffer = (bytes: Uint8Array): Buffer => {
  const own = Buffer.alloc(bytes.byteLength);
  own.set(bytes);
  bytes.fill(0);
  return own;
};
