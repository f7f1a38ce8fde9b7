/** Copies what the SDK returned into a buffer of our own and zeroes the SDK's, which would otherwise linger. */
export const moveToOwnBuffer = (bytes: Uint8Array): Buffer => {
  const own = Buffer.alloc(bytes.byteLength);
  own.set(bytes);
  bytes.fill(0);
  return own;
};
