import type { LogMessage } from '../contract/log-messages.ts';

export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  info(message: LogMessage, facts: LogFacts): void;
  warn(message: LogMessage, facts: LogFacts): void;
  error(message: LogMessage, facts: LogFacts): void;
}

/** Without a word boundary in front, because `key_sk-…` and `Bearer%20sk-…` are keys too. */
const SECRET_SHAPE = /(?:sk-|ek_|spk_)[A-Za-z0-9_-]{16,}/g;
const LINE_FORGERY = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/**
 * The last line of defence for everything that reaches a log: text shaped like a key is redacted, and no character
 * starts a new line or a terminal sequence. The first line of defence is that no secret is ever passed to a log.
 */
export const redactLogValue = (_key: string, value: unknown): unknown =>
  typeof value === 'string'
    ? value.replace(SECRET_SHAPE, '[redacted]').replace(LINE_FORGERY, (character) => {
        const code = character.codePointAt(0) ?? 0;
        return `\\u${code.toString(16).padStart(4, '0')}`;
      })
    : value;

/** Where an error was thrown, without its message: names and lines of our own code only. */
export const framesOf = (error: Error): string => {
  const stack = error.stack ?? '';
  // The message comes first and may itself have lines that look like frames.
  const frames = stack.slice(Math.max(0, stack.indexOf(error.message)) + error.message.length);
  return frames
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim())
    .join(' | ');
};
