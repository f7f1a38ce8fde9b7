// G.711 µ-law, the one sound format that every browser offers and that needs no codec library.
// Source: https://www.itu.int/rec/T-REC-G.711 (bias 33 on 14 bits is 132 on 16).
const BIAS = 132;
const CLIP = 32_635;

/** Bytes, and samples, of a millisecond: 8,000 Hz, one byte each. */
export const BYTES_PER_MS = 8;

/** One 16-bit sample as a µ-law byte. */
export function encodeMuLaw(sample: number): number {
  const sign = sample < 0 ? 0x80 : 0;
  const magnitude = Math.min(Math.abs(sample), CLIP) + BIAS;
  const exponent = Math.max(0, 31 - Math.clz32(magnitude) - 7);
  const mantissa = (magnitude >> (exponent + 3)) & 0x0f;
  return ~(sign | (exponent << 4) | mantissa) & 0xff;
}

/** A µ-law byte as a 16-bit sample. */
export function decodeMuLaw(byte: number): number {
  const bits = ~byte & 0xff;
  const magnitude = ((((bits & 0x0f) << 3) + BIAS) << ((bits >> 4) & 0x07)) - BIAS;
  return (bits & 0x80) === 0 ? magnitude : -magnitude;
}

/** Root mean square of µ-law sound on the scale of 16-bit samples: 0 is silence, 32,768 the most there is. */
export function loudnessOf(payload: Uint8Array): number {
  let squares = 0;
  for (const byte of payload) squares += decodeMuLaw(byte) ** 2;
  return payload.length === 0 ? 0 : Math.sqrt(squares / payload.length);
}
