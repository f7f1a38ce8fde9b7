/**
 * The kinds of tokens that OpenAI prices apart. Each token belongs to exactly one: the plain input kinds hold what was
 * not read from OpenAI's cache.
 */
export const TOKEN_KINDS = [
  'textIn',
  'cachedTextIn',
  'audioIn',
  'cachedAudioIn',
  'imageIn',
  'cachedImageIn',
  'textOut',
  'audioOut',
] as const;

export type TokenKind = (typeof TOKEN_KINDS)[number];

/** Whole numbers of tokens, never negative. */
export type TokenCounts = Readonly<Record<TokenKind, number>>;

const tokensOfKinds = (count: (kind: TokenKind) => number): TokenCounts => ({
  textIn: count('textIn'),
  cachedTextIn: count('cachedTextIn'),
  audioIn: count('audioIn'),
  cachedAudioIn: count('cachedAudioIn'),
  imageIn: count('imageIn'),
  cachedImageIn: count('cachedImageIn'),
  textOut: count('textOut'),
  audioOut: count('audioOut'),
});

export const NO_TOKENS: TokenCounts = tokensOfKinds(() => 0);

export const addTokens = (one: TokenCounts, other: TokenCounts): TokenCounts =>
  tokensOfKinds((kind) => one[kind] + other[kind]);

/** `from` minus `taken`, kind by kind, and never below zero. */
export const subtractTokens = (from: TokenCounts, taken: TokenCounts): TokenCounts =>
  tokensOfKinds((kind) => Math.max(0, from[kind] - taken[kind]));

type Count = number | null | undefined;

interface ByMedium {
  readonly text_tokens?: Count;
  readonly audio_tokens?: Count;
  readonly image_tokens?: Count;
}

/**
 * The `usage` object of OpenAI's `response.done`, of which every field is optional. `input_tokens` and the details of
 * the input include what was cached; `reasoning_tokens` are part of the text. Source: openai/openai-openapi
 * (RealtimeResponse.usage).
 */
export interface ReportedUsage {
  readonly input_tokens?: Count;
  readonly output_tokens?: Count;
  readonly input_token_details?:
    | (ByMedium & {
        readonly cached_tokens?: Count;
        readonly cached_tokens_details?: ByMedium | null | undefined;
      })
    | null
    | undefined;
  readonly output_token_details?: Omit<ByMedium, 'image_tokens'> | null | undefined;
}

/**
 * Counts each reported token once, in its own kind. Where OpenAI leaves out details, the cost that follows may be too
 * low for audio and is never made up:
 *
 * - a total that its details do not explain is text;
 * - cached tokens of which the medium is not said are taken as text, then image, then audio: the saving is smallest in
 *   that order, so the cost is not understated;
 * - more cached tokens of a medium than tokens of it: as many as there are.
 */
export const tokenCountsOf = (usage: ReportedUsage): TokenCounts => {
  const input = mediaOf(usage.input_token_details, usage.input_tokens);
  const output = mediaOf(usage.output_token_details, usage.output_tokens);
  const cached = cachedOf(input, usage.input_token_details);
  return {
    textIn: input.text - cached.text,
    cachedTextIn: cached.text,
    audioIn: input.audio - cached.audio,
    cachedAudioIn: cached.audio,
    imageIn: input.image - cached.image,
    cachedImageIn: cached.image,
    textOut: output.text,
    audioOut: output.audio,
  };
};

interface Media {
  readonly text: number;
  readonly audio: number;
  readonly image: number;
}

/** An invalid, negative or fractional count is read as the whole number of tokens that it proves. */
const whole = (count: Count): number =>
  typeof count === 'number' && Number.isFinite(count) ? Math.max(0, Math.floor(count)) : 0;

const mediaOf = (details: ByMedium | null | undefined, total: Count): Media => {
  const audio = whole(details?.audio_tokens);
  const image = whole(details?.image_tokens);
  const text = whole(details?.text_tokens);
  return { text: text + Math.max(0, whole(total) - text - audio - image), audio, image };
};

const cachedOf = (input: Media, details: ReportedUsage['input_token_details']): Media => {
  const text = Math.min(input.text, whole(details?.cached_tokens_details?.text_tokens));
  const audio = Math.min(input.audio, whole(details?.cached_tokens_details?.audio_tokens));
  const image = Math.min(input.image, whole(details?.cached_tokens_details?.image_tokens));
  let unsaid = Math.max(0, whole(details?.cached_tokens) - text - audio - image);
  const alsoCached = (uncached: number): number => {
    const taken = Math.min(uncached, unsaid);
    unsaid -= taken;
    return taken;
  };
  return {
    text: text + alsoCached(input.text - text),
    image: image + alsoCached(input.image - image),
    audio: audio + alsoCached(input.audio - audio),
  };
};
