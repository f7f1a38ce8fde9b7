import { billedMinutes, overageOf, type Plan } from '../tenancy/plan.ts';
import { type Cost, costOf } from './cost.ts';
import type { Price } from './price-catalogue.ts';
import type { TokenCounts } from './token-counts.ts';

/**
 * The calculator: the cost of a kind of session at OpenAI, the cost of a month of them, and the cost of the same minutes on
 * each managed plan. docs/pricing.md explains every number and assumption.
 */

/**
 * Tokens of one minute of speech: a visitor's is 1 token per 100 ms, the assistant's 1 per 50 ms. Source:
 * https://developers.openai.com/api/docs/guides/realtime-costs
 */
export const AUDIO_TOKENS_PER_MINUTE = { in: 600, out: 1_200 } as const;

/**
 * The typical session of the product's page: about 2 minutes of audio in, 3 out and a system prompt of 2,000 tokens. The
 * page names no number of turns; one turn each half minute is ours. The cached share is close to that of OpenAI's
 * published example of `response.done`, where 64 of 132 input tokens are cached.
 */
export const TYPICAL_SESSION = {
  minutesIn: 2,
  minutesOut: 3,
  promptTokens: 2_000,
  turns: 10,
  cachedShare: 0.5,
} as const;

export interface SessionShape {
  /** Minutes that the visitor speaks. */
  readonly minutesIn: number;
  /** Minutes that the assistant speaks. */
  readonly minutesOut: number;
  /** Tokens of instructions and tools. */
  readonly promptTokens: number;
  /** Answers of the assistant, at least 1; both voices are spread evenly over them. */
  readonly turns: number;
  /** Share of what is sent again that OpenAI reads from its cache, 0 to 1. */
  readonly cachedShare: number;
}

/**
 * Tokens of one session. Each turn sends the prompt and the conversation so far again, both voices as audio input: over
 * `turns` turns the prompt `turns - 1` times more, and each minute of audio (turns - 1) / 2 times more on average.
 */
export const tokensOfSession = (shape: SessionShape): TokenCounts => {
  const spokenIn = Math.round(shape.minutesIn * AUDIO_TOKENS_PER_MINUTE.in);
  const spokenOut = Math.round(shape.minutesOut * AUDIO_TOKENS_PER_MINUTE.out);
  const textAgain = shape.promptTokens * (shape.turns - 1);
  const audioAgain = Math.round(((spokenIn + spokenOut) * (shape.turns - 1)) / 2);
  const cachedTextIn = Math.round(textAgain * shape.cachedShare);
  const cachedAudioIn = Math.round(audioAgain * shape.cachedShare);
  return {
    textIn: shape.promptTokens + textAgain - cachedTextIn,
    cachedTextIn,
    audioIn: spokenIn + audioAgain - cachedAudioIn,
    cachedAudioIn,
    imageIn: 0,
    cachedImageIn: 0,
    textOut: 0,
    audioOut: spokenOut,
  };
};

/** The cost of one month with your own key. */
export interface Month {
  /** Length of all sessions together. */
  readonly seconds: number;
  /** OpenAI's charge for them, whole micro-cents. */
  readonly openAiMicroCents: number;
}

export interface PlanComparison {
  readonly plan: Plan;
  /** Fee and overage for the minutes of the month, whole micro-cents; null: by contract, or not served. */
  readonly microCents: number | null;
  readonly overageMinutes: number;
  /** false: a hard cap ends before the month does. */
  readonly served: boolean;
  readonly cheaper: 'byok' | 'managed' | 'equal' | null;
  /**
   * Fewest whole minutes in a month from which the plan costs no more than the own key, at the month's cost per minute;
   * null: never.
   */
  readonly breakEvenMinutes: number | null;
  /** Fewest whole minutes beyond that from which the own key is cheaper again; null: never. */
  readonly byokAgainMinutes: number | null;
}

/** The month on one plan, next to its cost with your own key. */
export const compareWithPlan = (month: Month, plan: Plan): PlanComparison => {
  const overage = overageOf(plan, month.seconds);
  const served =
    !plan.hardCap || plan.includedMinutes === null || billedMinutes(month.seconds) <= plan.includedMinutes;
  const microCents =
    plan.monthlyMicroCents === null || !served ? null : plan.monthlyMicroCents + overage.microCents;
  return {
    plan,
    microCents,
    overageMinutes: overage.minutes,
    served,
    cheaper: microCents === null ? null : cheaperOf(month.openAiMicroCents, microCents),
    ...breakEvenOf(month, plan),
  };
};

const cheaperOf = (byok: number, managed: number): 'byok' | 'managed' | 'equal' => {
  if (byok === managed) return 'equal';
  return byok < managed ? 'byok' : 'managed';
};

type BreakEven = Pick<PlanComparison, 'breakEvenMinutes' | 'byokAgainMinutes'>;

/**
 * With your own key m minutes cost m·c, c being the month's cost per minute. On a plan they cost the fee up to the included
 * minutes i, and o more for each minute after. So the plan catches up at fee / c when that is not after i, and else, when
 * o < c, at (fee - i·o) / (c - o). Where c < o the own key overtakes again at (i·o - fee) / (o - c).
 */
const breakEvenOf = (month: Month, plan: Plan): BreakEven => {
  const perMinute = (month.openAiMicroCents * 60) / month.seconds;
  const fee = plan.monthlyMicroCents;
  const never = { breakEvenMinutes: null, byokAgainMinutes: null };
  if (fee === null || !(perMinute > 0) || !Number.isFinite(perMinute)) return never;
  const included = plan.includedMinutes ?? Number.POSITIVE_INFINITY;
  const overage = plan.overageMicroCentsPerMinute ?? 0;
  const dearer = overage - perMinute;
  const withinFee = Math.ceil(fee / perMinute);
  if (withinFee <= included) {
    const overtaken = !plan.hardCap && Number.isFinite(included) && dearer > 0;
    return {
      breakEvenMinutes: withinFee,
      byokAgainMinutes: overtaken
        ? Math.max(included, Math.floor((included * overage - fee) / dearer)) + 1
        : null,
    };
  }
  if (plan.hardCap || dearer >= 0) return never;
  return { ...never, breakEvenMinutes: Math.ceil((fee - included * overage) / -dearer) };
};

export interface Estimate {
  readonly price: Price;
  readonly tokens: TokenCounts;
  readonly perSession: Cost;
  /** Whole seconds of one session: both voices together; silence costs nothing at OpenAI and is left out. */
  readonly sessionSeconds: number;
  readonly month: Month;
  readonly plans: readonly PlanComparison[];
}

/** The cost of `sessionsPerMonth` sessions of this shape at this price, and on each plan. */
export const estimateCost = (
  shape: SessionShape,
  price: Price,
  sessionsPerMonth: number,
  plans: readonly Plan[],
): Estimate => {
  const tokens = tokensOfSession(shape);
  const perSession = costOf(tokens, price);
  const sessionSeconds = Math.round((shape.minutesIn + shape.minutesOut) * 60);
  const month = {
    seconds: sessionSeconds * sessionsPerMonth,
    openAiMicroCents: perSession.totalMicroCents * sessionsPerMonth,
  };
  return {
    price,
    tokens,
    perSession,
    sessionSeconds,
    month,
    plans: plans.map((plan) => compareWithPlan(month, plan)),
  };
};
