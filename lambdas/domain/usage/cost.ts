import type { Price } from './price-catalogue.ts';
import { TOKEN_KINDS, type TokenCounts, type TokenKind } from './token-counts.ts';

/** 1 cent is 1,000,000 micro-cents; 1 USD is 100,000,000. */
export const MICRO_CENTS_PER_CENT = 1_000_000;

export interface Cost {
  /** Whole micro-cents. */
  readonly byKind: Readonly<Record<TokenKind, number>>;
  readonly totalMicroCents: number;
}

/** Tokens times rate, kind by kind. Whole micro-cents: rates and counts are whole, so nothing is ever rounded. */
export const costOf = (tokens: TokenCounts, { rates }: Price): Cost => {
  const byKind = {
    textIn: tokens.textIn * rates.textIn,
    cachedTextIn: tokens.cachedTextIn * rates.cachedTextIn,
    audioIn: tokens.audioIn * rates.audioIn,
    cachedAudioIn: tokens.cachedAudioIn * rates.cachedAudioIn,
    imageIn: tokens.imageIn * rates.imageIn,
    cachedImageIn: tokens.cachedImageIn * rates.cachedImageIn,
    textOut: tokens.textOut * rates.textOut,
    audioOut: tokens.audioOut * rates.audioOut,
  };
  return { byKind, totalMicroCents: TOKEN_KINDS.reduce((sum, kind) => sum + byKind[kind], 0) };
};
