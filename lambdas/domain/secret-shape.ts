/** True for a text that may hold a key or a client secret of OpenAI, or an API token, in whatever case. */
export const mayHoldSecret = (text: string): boolean => /(?:sk-|ek_|spk_)[a-z0-9_-]{16,}/i.test(text);
