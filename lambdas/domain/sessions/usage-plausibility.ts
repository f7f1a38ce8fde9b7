import { SESSION_DURATION_SECONDS } from '../openai-models.ts';
import type { TokenCounts } from '../usage/token-counts.ts';

/** The counted part of a session. */
interface CountedSession {
  readonly issuedAt: string;
  /** Until when the session may still connect, Unix milliseconds. */
  readonly quietUntilMs: number;
  readonly counted: TokenCounts;
  readonly responses: number;
}

/** Tolerance of an honest session above a rate, as a factor and in seconds: buffered speech, late clocks. */
const MARGIN = 1.5;
const SLACK_SECONDS = 10;

/** 600 tokens a minute heard and 1,200 spoken: https://developers.openai.com/api/docs/guides/realtime-costs */
const HEARD_PER_SECOND = 10;
const SPOKEN_PER_SECOND = 20;

/** Speech is generated faster than it is heard: one long answer, of about three and a half minutes, may be ahead of the clock. */
const ANSWER_AHEAD_TOKENS = 4_096;

/** Limits of the largest Realtime models: https://developers.openai.com/api/docs/models/gpt-realtime-2.1 */
const CONTEXT_TOKENS = 128_000;
const LONGEST_TEXT_TOKENS = 32_000;

/**
 * True if a response can have used so much. Speech takes time: all speech of the session fits into its length, and a
 * response reads at most the whole conversation so far. Text and images are bounded by the model's context.
 */
export const tokensArePossible = (usage: CountedSession, tokens: TokenCounts, now: Date): boolean => {
  // OpenAI has ended it an hour after the last possible connection, so later reports cannot claim more.
  const spokeUntilMs = Math.min(now.getTime(), usage.quietUntilMs + SESSION_DURATION_SECONDS.max * 1_000);
  const elapsedSeconds = Math.max(0, (spokeUntilMs - Date.parse(usage.issuedAt)) / 1_000);
  const allowance = (elapsedSeconds + SLACK_SECONDS) * MARGIN;
  const spoken = usage.counted.audioOut + tokens.audioOut;
  const heard = tokens.audioIn + tokens.cachedAudioIn;
  const read = tokens.textIn + tokens.cachedTextIn + tokens.imageIn + tokens.cachedImageIn;
  return (
    spoken <= SPOKEN_PER_SECOND * allowance + ANSWER_AHEAD_TOKENS &&
    heard <= (HEARD_PER_SECOND + SPOKEN_PER_SECOND) * allowance + ANSWER_AHEAD_TOKENS &&
    read <= CONTEXT_TOKENS &&
    tokens.textOut <= LONGEST_TEXT_TOKENS &&
    // No model answers more than once a second for a whole session.
    usage.responses + 1 <= allowance
  );
};
