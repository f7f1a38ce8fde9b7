/** The base64 of "OpenAI", which every real key carries in its middle. */
const MARKER = 'T3BlbkFJ';
const PART_LENGTH = 74;
// 56 bytes give 75 base64url characters: one more than a part needs.
const PART_BYTES = 56;

/**
 * Makes a key of the shape of a real project key that opens nothing at OpenAI.
 *
 * Made at run time, so that no file holds a string that a secret scanner would report. A suffix chooses the failure
 * that the stand-in plays (see `playableFailures`).
 *
 * @example makeFakeKey(randomBytes, 'revoked')
 */
export function makeFakeKey(random: (n: number) => Buffer, suffix?: string): string {
  const part = () => random(PART_BYTES).toString('base64url').slice(0, PART_LENGTH);
  const key = `sk-proj-${part()}${MARKER}${part()}`;
  return suffix === undefined ? key : `${key}-${suffix}`;
}
