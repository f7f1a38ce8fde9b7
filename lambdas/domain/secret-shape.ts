/** True for a text that may hold a key or a client secret of OpenAI, in whatever case. */
export const mayHoldSecret = (text: string): boolean => /(?:sk-|ek_)[a-z0-9_-]{16,}/i.test(text);
