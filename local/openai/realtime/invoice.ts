import { z } from 'zod';

const count = z.int().min(0);
const UsageSchema = z.object({
  input_token_details: z.object({
    text_tokens: count,
    audio_tokens: count,
    cached_tokens_details: z.object({ text_tokens: count, audio_tokens: count }),
  }),
  output_token_details: z.object({ text_tokens: count, audio_tokens: count }),
});

/** The tokens of a call by kind, as OpenAI bills them: cached input is not part of `textInput` or `audioInput`. */
export type InvoiceTotals = {
  readonly textInput: number;
  readonly audioInput: number;
  readonly cachedTextInput: number;
  readonly cachedAudioInput: number;
  readonly textOutput: number;
  readonly audioOutput: number;
};

export type InvoiceResponse = {
  readonly responseId: string;
  readonly usage: unknown;
  /** False if the call ended before the response: no event carries this usage. */
  readonly wasReported: boolean;
};

/**
 * The cost of a call at OpenAI, whether or not its events were seen. Tests compare the broker's count with it, token by
 * token.
 */
export type Invoice = {
  /** One entry for each response that was billed, with the `usage` object of its `response.done`. */
  readonly responses: readonly InvoiceResponse[];
  /** The `usage` objects of transcriptions, which are billed separately for the transcription model. */
  readonly transcriptions: readonly unknown[];
  /** Totals of all responses, including those without a `response.done`. */
  readonly totals: InvoiceTotals;
};

export type InvoiceWriter = {
  readonly addResponse: (response: InvoiceResponse) => void;
  readonly addTranscription: (usage: unknown) => void;
  readonly read: () => Invoice;
};

const NOTHING: InvoiceTotals = {
  textInput: 0,
  audioInput: 0,
  cachedTextInput: 0,
  cachedAudioInput: 0,
  textOutput: 0,
  audioOutput: 0,
};

/** Collects the usage of one call. */
export function createInvoice(): InvoiceWriter {
  const responses: InvoiceResponse[] = [];
  const transcriptions: unknown[] = [];
  return {
    addResponse: ({ responseId, usage, wasReported }) => {
      responses.push({ responseId, usage, wasReported });
    },
    addTranscription: (usage) => {
      transcriptions.push(usage);
    },
    read: () => ({
      responses: [...responses],
      transcriptions: [...transcriptions],
      totals: responses.map(({ usage }) => totalsOf(usage)).reduce(sum, NOTHING),
    }),
  };
}

function totalsOf(usage: unknown): InvoiceTotals {
  const { input_token_details: input, output_token_details: output } = UsageSchema.parse(usage);
  const cached = input.cached_tokens_details;
  return {
    textInput: input.text_tokens - cached.text_tokens,
    audioInput: input.audio_tokens - cached.audio_tokens,
    cachedTextInput: cached.text_tokens,
    cachedAudioInput: cached.audio_tokens,
    textOutput: output.text_tokens,
    audioOutput: output.audio_tokens,
  };
}

function sum(a: InvoiceTotals, b: InvoiceTotals): InvoiceTotals {
  return {
    textInput: a.textInput + b.textInput,
    audioInput: a.audioInput + b.audioInput,
    cachedTextInput: a.cachedTextInput + b.cachedTextInput,
    cachedAudioInput: a.cachedAudioInput + b.cachedAudioInput,
    textOutput: a.textOutput + b.textOutput,
    audioOutput: a.audioOutput + b.audioOutput,
  };
}
