import type { CallWatch } from '../domain/dependency.ts';

/** Every message that a function may log, so that on-call can search for them. Facts go into fields, never into the text. */
export type LogMessage =
  | 'request answered'
  | 'request refused'
  | 'dependency unavailable'
  | 'unexpected error'
  | 'audit record failed'
  | 'anomaly record failed'
  | 'anomaly detected'
  | 'rotation request answered'
  | 'silent sessions closed';

export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export interface Log {
  info(message: LogMessage, facts: LogFacts): void;
  warn(message: LogMessage, facts: LogFacts): void;
  error(message: LogMessage, facts: LogFacts): void;
}

/** Writes the metrics of lambdas/contract/metrics.ts, which says what each of them means. */
export interface Meter extends CallWatch {
  /** One answer of one route, and with it the calls since the one before. `tier`: of the workspace, where it is known. */
  answered(route: string, code: string, latencyMs: number, tier?: number): void;
  /** A batch of a stream or an event is done with; writes the calls of it. */
  handled(): void;
  /** A row of the audit trail that tells of a decrypt has been written. */
  decryptRecorded(): void;
  incidentsBegan(count: number): void;
  /** What sessions came to at OpenAI, micro-cents; less than nothing where an estimate was too high. */
  spent(mode: 'byok' | 'managed', costMicroCents: number): void;
}

/** No word boundary in front: `key_sk-…` and `Bearer%20sk-…` are keys too. */
const SECRET_SHAPE = /(?:sk-|ek_)[A-Za-z0-9_-]{16,}/g;
const LINE_FORGERY = /[\p{Cc}\p{Zl}\p{Zp}]/gu;

/**
 * The last line of defence for whatever reaches a log: nothing shaped like a key passes, and no character starts a new
 * line or a terminal sequence. The first line is that no secret is given to a log at all.
 */
export const loggable = (_key: string, value: unknown): unknown =>
  typeof value === 'string'
    ? value.replace(SECRET_SHAPE, '[redacted]').replace(LINE_FORGERY, (character) => {
        const code = character.codePointAt(0) ?? 0;
        return `\\u${code.toString(16).padStart(4, '0')}`;
      })
    : value;

/** Where an error was thrown, without its message: names and lines of our own code only. */
export const framesOf = (error: Error): string => {
  const stack = error.stack ?? '';
  // The message stands in front and may itself have lines that look like frames.
  const frames = stack.slice(Math.max(0, stack.indexOf(error.message)) + error.message.length);
  return frames
    .split('\n')
    .filter((line) => /^\s+at /.test(line))
    .slice(0, 8)
    .map((line) => line.trim())
    .join(' | ');
};
