/** True for text that may contain an OpenAI key, a client secret or an API token, in upper or lower case. */
export const mayHoldSecret = (text: string): boolean => /(?:sk-|ek_|spk_)[a-z0-9_-]{16,}/i.test(text);
