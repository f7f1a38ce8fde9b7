import type { Price } from './price-catalogue.ts';
import type { TokenKind } from './token-counts.ts';

/**
 * The price in US dollars per 1,000,000 tokens, the region's uplift included, for a person.
 *
 * @example "text $4 in, $0.4 cached, $24 out; audio $32 in, $0.4 cached, $64 out per 1M tokens"
 */
export const priceText = (price: Price | undefined): string => {
  if (price === undefined) return 'not known';
  const dollars = (kind: TokenKind): string =>
    `$${Number(((price.rates[kind] * (100 + price.upliftPercent)) / 10_000).toFixed(4))}`;
  return (
    `text ${dollars('textIn')} in, ${dollars('cachedTextIn')} cached, ${dollars('textOut')} out; ` +
    `audio ${dollars('audioIn')} in, ${dollars('cachedAudioIn')} cached, ${dollars('audioOut')} out per 1M tokens`
  );
};
