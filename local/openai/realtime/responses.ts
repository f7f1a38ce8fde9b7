import type { ResponseFailure } from '../failures.ts';
import type { SessionRequest } from '../session-schema.ts';
import type { ResponseParams } from './client-events.ts';
import type { CalledFunction } from './functions.ts';
import type { Line, Playing } from './peer.ts';
import { assistantSentence, WORD_MS } from './speech.ts';
import { assistantAudioTokens, NO_TOKENS, type Tokens, textTokens, total, usageOf } from './usage.ts';

/** Sends one server event. */
export type Emit = (type: string, fields?: Readonly<Record<string, unknown>>) => void;

export type ResponsesOptions = {
  readonly emit: Emit;
  readonly newId: (prefix: string) => string;
  /** Returns the `previous_item_id` of an item and makes this item the last one. */
  readonly append: (itemId: string) => string | null;
  readonly play: Line['play'];
  /** Undefined for a key whose responses go well. */
  readonly failure: ResponseFailure | undefined;
  readonly conversationId: string;
  /** A response was billed, with or without a `response.done`. `output` has become part of the conversation. */
  readonly onBilled: (billed: Billed) => void;
  /** This number of sound tokens was removed from the conversation, because they were not played. */
  readonly onUnheard: (audioTokens: number) => void;
};

export type Billed = {
  readonly responseId: string;
  readonly usage: unknown;
  readonly output: Tokens;
  /** False if the call ended before the response: no event carries this usage. */
  readonly wasReported: boolean;
};

export type Responses = {
  /** Responds to the speech, or fails if the key's responses fail. */
  readonly start: (params: ResponseParams, settings: SessionRequest | undefined, input: Tokens) => void;
  /** Answers with a function call, which has no sound. Returns its `call_id`. */
  readonly call: (
    called: CalledFunction,
    params: ResponseParams,
    settings: SessionRequest | undefined,
    input: Tokens,
  ) => string;
  /** False after everything was generated, although the sound may continue. */
  readonly isGenerating: () => boolean;
  readonly count: () => number;
  readonly cancel: (reason: 'turn_detected' | 'client_cancelled') => void;
  /** Ends the sound of the response. */
  readonly stopSpeaking: () => void;
  readonly end: () => void;
};

/** A running response. It is generated faster than it is played, and can be interrupted in both phases. */
type Answering = {
  readonly response: Readonly<Record<string, unknown>> & { readonly id: string };
  readonly itemId: string;
  readonly previousItemId: string | null;
  readonly words: readonly string[];
  /** `max_output_tokens` leaves no room for the rest of the sentence. */
  readonly isCut: boolean;
  readonly input: Tokens;
  said: number;
  playing: Playing | undefined;
  timer: NodeJS.Timeout | undefined;
  isGenerated: boolean;
};

/** OpenAI generates speech faster than it is played. This is the factor here. */
const GENERATION_SPEED = 3;

/** The responses of one session, one after another. */
export function createResponses(options: ResponsesOptions): Responses {
  const { emit, newId, failure } = options;
  let answering: Answering | undefined;
  let answers = 0;
  let previousInput = NO_TOKENS;

  const generate = (current: Answering): void => {
    const { itemId: item_id, previousItemId: previous_item_id, words } = current;
    const response_id = current.response.id;
    const place = { response_id, item_id, output_index: 0, content_index: 0 };
    const item = itemOf(current, 'in_progress');
    emit('response.output_item.added', { response_id, output_index: 0, item });
    emit('conversation.item.added', { previous_item_id, item });
    emit('response.content_part.added', { ...place, part: { type: 'audio', transcript: '' } });
    if (words.length === 0) {
      answering = undefined;
      finish(current, 'incomplete', 'max_output_tokens');
      return;
    }
    current.playing = options.play(words.length * WORD_MS, () => {
      emit('output_audio_buffer.stopped', { response_id });
      if (answering === current) answering = undefined;
    });
    emit('output_audio_buffer.started', { response_id });
    current.timer = setInterval(() => {
      const delta = `${current.said === 0 ? '' : ' '}${words[current.said]}`;
      emit('response.output_audio_transcript.delta', { ...place, delta });
      current.said += 1;
      if (current.said < words.length) return;
      if (current.isCut) finish(current, 'incomplete', 'max_output_tokens');
      else finish(current, 'completed');
    }, WORD_MS / GENERATION_SPEED);
  };

  /** Generated output is billed, whether or not it is played. */
  const bill = (current: Answering, wasReported: boolean): unknown => {
    clearInterval(current.timer);
    current.isGenerated = true;
    const output = outputOf(current.words, current.said);
    const usage = usageOf({ input: current.input, output, previousInput });
    previousInput = current.input;
    options.onBilled({ responseId: current.response.id, usage, output, wasReported });
    return usage;
  };

  const finish = (current: Answering, status: 'completed' | 'cancelled' | 'incomplete', reason?: string) => {
    const usage = bill(current, true);
    const { response, itemId: item_id, previousItemId: previous_item_id } = current;
    const response_id = response.id;
    const place = { response_id, item_id, output_index: 0, content_index: 0 };
    const transcript = transcriptOf(current.words, current.said);
    const item = itemOf(current, status === 'completed' ? 'completed' : 'incomplete');
    emit('response.output_audio.done', place);
    emit('response.output_audio_transcript.done', { ...place, transcript });
    emit('response.content_part.done', { ...place, part: { type: 'audio', transcript } });
    emit('response.output_item.done', { response_id, output_index: 0, item });
    emit('conversation.item.done', { previous_item_id, item });
    const status_details = status === 'completed' ? null : { type: status, reason };
    emit('response.done', { response: { ...response, status, status_details, output: [item], usage } });
  };

  return {
    start: (params, settings, input) => {
      const response = { ...describeResponse(params, settings, options.conversationId), id: newId('resp') };
      emit('response.created', { response });
      emit('rate_limits.updated', { rate_limits: rateLimits(input) });
      if (failure !== undefined) {
        const status_details = { type: 'failed', error: failure };
        emit('response.done', { response: { ...response, status: 'failed', status_details } });
        return;
      }
      const sentence = assistantSentence(answers).split(' ');
      const words = fitting(sentence, response.max_output_tokens);
      const itemId = newId('item');
      const isCut = words.length < sentence.length;
      const begun = { said: 0, playing: undefined, timer: undefined, isGenerated: false };
      answering = {
        ...begun,
        response,
        itemId,
        previousItemId: options.append(itemId),
        words,
        isCut,
        input,
      };
      answers += 1;
      generate(answering);
    },
    call: (called, params, settings, input) => {
      const response = { ...describeResponse(params, settings, options.conversationId), id: newId('resp') };
      const response_id = response.id;
      const call_id = newId('call');
      const itemId = newId('item');
      const described = { id: itemId, object: 'realtime.item', type: 'function_call', call_id };
      const begun = { ...described, name: called.name, status: 'in_progress', arguments: '' };
      const item = { ...begun, status: 'completed', arguments: called.arguments };
      const previous_item_id = options.append(itemId);
      const place = { response_id, item_id: itemId, output_index: 0, call_id };
      emit('response.created', { response });
      emit('rate_limits.updated', { rate_limits: rateLimits(input) });
      emit('response.output_item.added', { response_id, output_index: 0, item: begun });
      emit('conversation.item.added', { previous_item_id, item: begun });
      emit('response.function_call_arguments.delta', { ...place, delta: called.arguments });
      emit('response.function_call_arguments.done', { ...place, ...called });
      emit('response.output_item.done', { response_id, output_index: 0, item });
      emit('conversation.item.done', { previous_item_id, item });
      const output = { text: textTokens(`${called.name} ${called.arguments}`), audio: 0 };
      const usage = usageOf({ input, output, previousInput });
      previousInput = input;
      options.onBilled({ responseId: response_id, usage, output, wasReported: true });
      emit('response.done', { response: { ...response, status: 'completed', output: [item], usage } });
      return call_id;
    },
    isGenerating: () => answering !== undefined && !answering.isGenerated,
    count: () => answers,
    cancel: (reason) => {
      if (answering !== undefined && !answering.isGenerated) finish(answering, 'cancelled', reason);
    },
    // Sound that was not played is removed from the conversation, and so from the input of the next response.
    stopSpeaking: () => {
      if (answering === undefined) return;
      const current = answering;
      answering = undefined;
      const audio_end_ms = current.playing?.stop() ?? 0;
      emit('output_audio_buffer.cleared', { response_id: current.response.id });
      emit('conversation.item.truncated', { item_id: current.itemId, content_index: 0, audio_end_ms });
      options.onUnheard(assistantAudioTokens(Math.max(0, current.said * WORD_MS - audio_end_ms)));
    },
    end: () => {
      answering?.playing?.stop();
      if (answering !== undefined && !answering.isGenerated) bill(answering, false);
    },
  };
}

/** The response object of `response.created`. */
const describeResponse = (
  params: ResponseParams,
  settings: SessionRequest | undefined,
  conversation_id: string,
) => ({
  object: 'realtime.response',
  status: 'in_progress',
  status_details: null,
  output: [],
  conversation_id,
  output_modalities: ['audio'],
  max_output_tokens: params.max_output_tokens ?? settings?.max_output_tokens ?? 'inf',
  audio: {
    output: {
      format: { type: 'audio/pcm', rate: 24_000 },
      voice: settings?.audio?.output?.voice ?? 'alloy',
    },
  },
  usage: null,
  metadata: params.metadata ?? null,
});

const outputOf = (words: readonly string[], said: number): Tokens => ({
  text: textTokens(transcriptOf(words, said)),
  audio: assistantAudioTokens(said * WORD_MS),
});

/** As many words as fit into `max_output_tokens`. */
const fitting = (words: readonly string[], max: number | 'inf'): readonly string[] => {
  if (max === 'inf') return words;
  const fits = words.findIndex((_, index) => total(outputOf(words, index + 1)) > max);
  return fits === -1 ? words : words.slice(0, fits);
};

const transcriptOf = (words: readonly string[], said: number): string => words.slice(0, said).join(' ');

const itemOf = (current: Answering, status: 'in_progress' | 'completed' | 'incomplete') => ({
  id: current.itemId,
  object: 'realtime.item',
  type: 'message',
  status,
  role: 'assistant',
  content:
    status === 'in_progress'
      ? []
      : [{ type: 'output_audio', transcript: transcriptOf(current.words, current.said) }],
});

const RATE_LIMIT_TOKENS = 200_000;
const RATE_LIMIT_REQUESTS = 400;

const rateLimits = (input: Tokens) => [
  { name: 'requests', limit: RATE_LIMIT_REQUESTS, remaining: RATE_LIMIT_REQUESTS - 1, reset_seconds: 0.15 },
  {
    name: 'tokens',
    limit: RATE_LIMIT_TOKENS,
    remaining: Math.max(0, RATE_LIMIT_TOKENS - total(input)),
    reset_seconds: 0.1,
  },
];
