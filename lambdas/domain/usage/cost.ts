import type { Price } from './price-catalogue.ts';
import { TOKEN_KINDS, type TokenCounts, type TokenKind } from './token-counts.ts';

/** 1 cent is 1,000,000 micro-cents; 1 USD is 100,000,000. */
export const MICRO_CENTS_PER_CENT = 1_000_000;

export interface Cost {
  /** Whole micro-cents. */
  readonly byKind: Readonly<Record<TokenKind, number>>;
  readonly totalMicroCents: number;
}

/**
 * Tokens times rate, and the region's uplift, kind by kind. Whole micro-cents: rates and counts are whole, so only the
 * uplift is rounded, once for each kind, and the total is the sum of the displayed parts.
 */
export const costOf = (tokens: TokenCounts, { rates, upliftPercent }: Price): Cost => {
  const cost = (kind: TokenKind): number =>
    Math.round((tokens[kind] * rates[kind] * (100 + upliftPercent)) / 100);
  const byKind = {
    textIn: cost('textIn'),
    cachedTextIn: cost('cachedTextIn'),
    audioIn: cost('audioIn'),
    cachedAudioIn: cost('cachedAudioIn'),
    imageIn: cost('imageIn'),
    cachedImageIn: cost('cachedImageIn'),
    textOut: cost('textOut'),
    audioOut: cost('audioOut'),
  };
  return { byKind, totalMicroCents: TOKEN_KINDS.reduce((sum, kind) => sum + byKind[kind], 0) };
};
