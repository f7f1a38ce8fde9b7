/**
 * Facts about OpenAI Realtime models. The model itself is data of each site; these are defaults and bounds.
 * Sources: openai/openai-openapi (RealtimeSessionCreateRequestGA), openai-node 7.57.0.
 */

/** Current and inexpensive. `gpt-realtime` and `gpt-realtime-mini` shut down on 2027-01-20. */
export const DEFAULT_MODEL = 'gpt-realtime-2.1-mini';

/** Recommended by OpenAI together with `cedar`. */
export const DEFAULT_VOICE = 'marin';

export const VOICES = [
  'alloy',
  'ash',
  'ballad',
  'cedar',
  'coral',
  'echo',
  'marin',
  'sage',
  'shimmer',
  'verse',
] as const;

/** OpenAI's regional hosts: `https://<region>.api.openai.com/v1`. A project with data residency answers only there. */
export const DATA_RESIDENCIES = ['global', 'us', 'eu', 'ae', 'au', 'in', 'jp'] as const;
export type DataResidency = (typeof DATA_RESIDENCIES)[number];

/** OpenAI accepts 10 to 7,200 seconds. */
export const CLIENT_SECRET_TTL_SECONDS = { min: 10, max: 7_200, default: 60 } as const;

/** OpenAI ends every session after 60 minutes. */
export const SESSION_DURATION_SECONDS = { min: 30, max: 3_600, default: 600 } as const;

/** A verdict warns when the site's model ends within this many days. */
export const SHUTDOWN_WARNING_DAYS = 90;

/** Longest response of a session, tokens; OpenAI takes 1 to 4,096. Some 50 seconds of speech. */
export const MAX_OUTPUT_TOKENS = 1_024;

/** The tokens of a conversation that OpenAI keeps besides the instructions: the most that each response reads again. */
export const POST_INSTRUCTION_TOKENS = 8_000;
