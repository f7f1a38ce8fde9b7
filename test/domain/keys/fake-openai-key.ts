import { randomBytes } from 'node:crypto';

/** The middle of every real key: base64 of the issuer's name. Computed, so that no file holds a key's shape. */
const MARKER = Buffer.from('OpenAI').toString('base64');

export const keyCharacters = (length: number): string =>
  randomBytes(length).toString('base64url').slice(0, length);

/** A key of the current shape that no one has ever been given: scanners would find it, wherever it leaks. */
export const fakeOpenAiKey = (kind = 'sk-proj-'): string =>
  `${kind}${keyCharacters(74)}${MARKER}${keyCharacters(74)}`;

/** The shape that keys had before projects existed. */
export const fakeLegacyKey = (): string => {
  const alphanumeric = (): string => randomBytes(20).toString('hex').slice(0, 20);
  return `sk-${alphanumeric()}${MARKER}${alphanumeric()}`;
};
