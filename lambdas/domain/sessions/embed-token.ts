/**
 * Embed tokens: short-lived JWTs that a customer's server signs for one visitor. With them a site decides who may start a
 * session; the page only passes them on.
 */

export const EMBED_ALGORITHMS = ['HS256', 'ES256'] as const;
export type EmbedAlgorithm = (typeof EMBED_ALGORITHMS)[number];

/** The key that a site's embed tokens are checked with. The secret of HS256 is derived from `keyId` and not stored. */
export interface EmbedKey {
  readonly algorithm: EmbedAlgorithm;
  readonly keyId: string;
  /** P-256 point of an ES256 key; null for HS256. */
  readonly publicKey: { readonly x: string; readonly y: string } | null;
  readonly createdAt: string;
  readonly createdBy: string;
}

/** Daily limits of one visitor, by the `sub` of the embed token; null: none. A day is a day in UTC. */
export interface VisitorLimits {
  readonly callsPerDay: number | null;
  readonly minutesPerDay: number | null;
}

export const NO_VISITOR_LIMITS: VisitorLimits = { callsPerDay: null, minutesPerDay: null };

export interface EmbedClaims {
  /** The visitor, as the customer names them. It is stored only as a keyed hash. */
  readonly sub: string;
  /** Unique to the token: it opens one session. */
  readonly jti: string;
  /** Unix seconds. */
  readonly exp: number;
  readonly variables: Readonly<Record<string, string>>;
}

export const EMBED_FAULTS = ['missing', 'expired', 'replayed', 'signature'] as const;
export type EmbedFault = (typeof EMBED_FAULTS)[number];

/** Longest lifetime of a token, seconds. */
export const LONGEST_EMBED_SECONDS = 300;

/** A customer's clock may be ahead of ours by this much, seconds. */
export const EMBED_CLOCK_SKEW_SECONDS = 30;

export const MAX_EMBED_TOKEN_LENGTH = 8_192;
export const MAX_VARIABLES = 20;
export const MAX_VARIABLE_LENGTH = 500;
export const VARIABLE_NAME = /^[A-Za-z_][A-Za-z0-9_]{0,63}$/;

/** Twice the stored maximum of a site, so that placeholders cannot make a session arbitrarily expensive. */
export const MAX_FILLED_INSTRUCTIONS = 32_000;

/**
 * The instructions with each `{{name}}` replaced by the variable of that name, or by nothing where the token has none.
 * Values are inserted as they are and not searched again. At most MAX_FILLED_INSTRUCTIONS characters.
 */
export const fillInstructions = (
  instructions: string,
  variables: Readonly<Record<string, string>>,
): string => {
  const known = new Map(Object.entries(variables));
  return instructions
    .replace(/\{\{\s*([A-Za-z_][A-Za-z0-9_]{0,63})\s*\}\}/g, (_all, name: string) => known.get(name) ?? '')
    .slice(0, MAX_FILLED_INSTRUCTIONS)
    .toWellFormed();
};

/** How often and for how long a visitor was connected today. */
export interface VisitorDay {
  readonly calls: number;
  readonly seconds: number;
}

/** The fewest remaining seconds of a visitor's limit with which a session opens. */
export const SHORTEST_VISIT_SECONDS = 5;

/** Seconds that the visitor may still talk today; undefined: no limit. */
export const secondsLeft = ({ minutesPerDay }: VisitorLimits, { seconds }: VisitorDay): number | undefined =>
  minutesPerDay === null ? undefined : Math.max(0, minutesPerDay * 60 - seconds);

/** True when this visitor gets no more sessions today. */
export const visitorIsDone = (limits: VisitorLimits, day: VisitorDay): boolean =>
  (limits.callsPerDay !== null && day.calls >= limits.callsPerDay) ||
  (secondsLeft(limits, day) ?? SHORTEST_VISIT_SECONDS) < SHORTEST_VISIT_SECONDS;

/** The day of a visitor's limits, `yyyy-mm-dd` in UTC. */
export const visitorDayOf = (at: Date): string => at.toISOString().slice(0, 10);

/** Whole seconds until the visitor's next day begins. */
export const secondsToNextVisitorDay = (now: Date): number =>
  Math.ceil((86_400_000 - (now.getTime() % 86_400_000)) / 1_000);
