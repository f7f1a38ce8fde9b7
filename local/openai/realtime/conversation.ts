import { randomBytes } from 'node:crypto';
import type { ResponseFailure } from '../failures.ts';
import type { SessionRequest } from '../session-schema.ts';
import { type ClientError, type ClientEvent, clientError, parseClientEvent } from './client-events.ts';
import { BYTES_PER_MS, loudnessOf } from './mu-law.ts';
import type { Line, Playing } from './peer.ts';
import { assistantSentence, visitorSentence, WORD_MS } from './speech.ts';
import {
  addTokens,
  assistantAudioTokens,
  NO_TOKENS,
  type Tokens,
  textTokens,
  usageOf,
  userAudioTokens,
} from './usage.ts';
import { detectVoice } from './voice-activity.ts';

export type ConversationOptions = {
  /** The session object that `session.created` carries. */
  readonly session: Readonly<Record<string, unknown>>;
  readonly settings: SessionRequest | undefined;
  /** Undefined for a key whose responses go well. */
  readonly failure: ResponseFailure | undefined;
  readonly line: Line;
};

export type Conversation = {
  readonly start: () => void;
  /** µ-law sound of the visitor. */
  readonly hear: (payload: Uint8Array) => void;
  /** A message of the data channel. */
  readonly receive: (text: string) => void;
  readonly fail: (error: ClientError) => void;
  /** Nothing is sent any more. */
  readonly end: () => void;
};

/** A response under way: it is generated faster than it is heard, and can be interrupted in both. */
type Answering = {
  readonly responseId: string;
  readonly itemId: string;
  readonly words: readonly string[];
  readonly input: Tokens;
  said: number;
  playing: Playing | undefined;
  timer: NodeJS.Timeout | undefined;
  isGenerated: boolean;
};

/** OpenAI generates speech faster than it is spoken; here, so many times. */
const GENERATION_SPEED = 3;
const DEFAULT_PADDING_MS = 300;
const DEFAULT_SILENCE_MS = 500;
const RATE_LIMIT_TOKENS = 200_000;
const RATE_LIMIT_REQUESTS = 400;

const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('base64url')}`;

/** One Realtime session, as its events tell it: what is heard becomes turns, each turn is answered, each answer counted. */
export function createConversation(options: ConversationOptions): Conversation {
  const { session, failure, line } = options;
  const detection = detectionOf(options.settings);
  const voice = detectVoice(detection);
  let settings: Readonly<Record<string, unknown>> = session;
  let heardMs = 0;
  let speechFromMs = 0;
  let committedToMs = 0;
  let visitorTurns = 0;
  let answers = 0;
  let hasEnded = false;
  let visitorItemId = newId('item');
  let said: Tokens = { text: textTokens(options.settings?.instructions ?? ''), audio: 0 };
  let previousInput = NO_TOKENS;
  let answering: Answering | undefined;

  const emit = (type: string, fields: Readonly<Record<string, unknown>> = {}): void => {
    if (!hasEnded) line.send(JSON.stringify({ type, event_id: newId('event'), ...fields }));
  };
  const fail = (error: ClientError): void => emit('error', { error });

  const addItem = (item: Readonly<Record<string, unknown>>): void => {
    emit('conversation.item.added', { previous_item_id: null, item });
    emit('conversation.item.done', { previous_item_id: null, item });
  };

  const commit = (toMs: number): void => {
    const audio = userAudioTokens(toMs - speechFromMs);
    committedToMs = toMs;
    said = addTokens(said, { text: 0, audio });
    const item_id = visitorItemId;
    visitorItemId = newId('item');
    emit('input_audio_buffer.committed', { previous_item_id: null, item_id });
    addItem({
      id: item_id,
      object: 'realtime.item',
      type: 'message',
      status: 'completed',
      role: 'user',
      content: [{ type: 'input_audio', transcript: null }],
    });
    transcribe(item_id, audio);
    visitorTurns += 1;
  };

  /** Only where the session asks for it; billed apart, by the transcription model. */
  const transcribe = (item_id: string, audio: number): void => {
    if (!detection.isTranscribed) return;
    const transcript = visitorSentence(visitorTurns);
    const at = { item_id, content_index: 0 };
    emit('conversation.item.input_audio_transcription.delta', { ...at, delta: transcript });
    emit('conversation.item.input_audio_transcription.completed', {
      ...at,
      transcript,
      usage: {
        type: 'tokens',
        total_tokens: audio + textTokens(transcript),
        input_tokens: audio,
        input_token_details: { text_tokens: 0, audio_tokens: audio },
        output_tokens: textTokens(transcript),
      },
    });
  };

  const respond = (): void => {
    if (answering !== undefined && !answering.isGenerated) {
      fail(
        clientError('conversation_already_has_active_response', 'The conversation has an active response.'),
      );
      return;
    }
    stopSpeaking();
    const response = { id: newId('resp'), object: 'realtime.response' };
    emit('response.created', { response: { ...response, status: 'in_progress', output: [], usage: null } });
    emit('rate_limits.updated', { rate_limits: rateLimits(said) });
    if (failure !== undefined) {
      const details = { type: 'failed', error: failure };
      const failed = { ...response, status: 'failed', status_details: details, output: [], usage: null };
      emit('response.done', { response: failed });
      return;
    }
    answering = {
      responseId: response.id,
      itemId: newId('item'),
      words: assistantSentence(answers).split(' '),
      input: said,
      said: 0,
      playing: undefined,
      timer: undefined,
      isGenerated: false,
    };
    answers += 1;
    generate(answering);
  };

  const generate = (current: Answering): void => {
    const { responseId: response_id, itemId: item_id, words } = current;
    const place = { response_id, item_id, output_index: 0, content_index: 0 };
    const item = itemOf(current, 'in_progress');
    emit('response.output_item.added', { response_id, output_index: 0, item });
    emit('conversation.item.added', { previous_item_id: null, item });
    emit('response.content_part.added', { ...place, part: { type: 'audio', transcript: '' } });
    current.playing = line.play(words.length * WORD_MS, () => {
      emit('output_audio_buffer.stopped', { response_id });
      if (answering === current) answering = undefined;
    });
    emit('output_audio_buffer.started', { response_id });
    current.timer = setInterval(() => {
      const delta = `${current.said === 0 ? '' : ' '}${words[current.said]}`;
      emit('response.output_audio_transcript.delta', { ...place, delta });
      current.said += 1;
      if (current.said === words.length) finish(current, 'completed');
    }, WORD_MS / GENERATION_SPEED);
  };

  const finish = (current: Answering, status: 'completed' | 'cancelled', reason?: string): void => {
    clearInterval(current.timer);
    current.isGenerated = true;
    const { responseId: response_id, itemId: item_id } = current;
    const place = { response_id, item_id, output_index: 0, content_index: 0 };
    const transcript = transcriptOf(current);
    const output = {
      text: textTokens(transcript),
      // What was generated is billed, heard or not.
      audio: assistantAudioTokens(current.said * WORD_MS),
    };
    const usage = usageOf({ input: current.input, output, previousInput });
    previousInput = current.input;
    said = addTokens(said, output);
    const item = itemOf(current, status === 'completed' ? 'completed' : 'incomplete');
    emit('response.output_audio.done', place);
    emit('response.output_audio_transcript.done', { ...place, transcript });
    emit('response.content_part.done', { ...place, part: { type: 'audio', transcript } });
    emit('response.output_item.done', { response_id, output_index: 0, item });
    emit('conversation.item.done', { previous_item_id: null, item });
    const details = status === 'completed' ? null : { type: 'cancelled', reason };
    emit('response.done', {
      response: {
        id: response_id,
        object: 'realtime.response',
        status,
        status_details: details,
        output: [item],
        output_modalities: ['audio'],
        usage,
      },
    });
  };

  const cancel = (reason: string): void => {
    if (answering !== undefined && !answering.isGenerated) finish(answering, 'cancelled', reason);
  };

  /** Ends the sound of the answer. What was not heard leaves the conversation, and so the input of the next answer. */
  const stopSpeaking = (): void => {
    if (answering === undefined) return;
    const current = answering;
    answering = undefined;
    const playedMs = current.playing?.stop() ?? 0;
    emit('output_audio_buffer.cleared', { response_id: current.responseId });
    emit('conversation.item.truncated', {
      item_id: current.itemId,
      content_index: 0,
      audio_end_ms: playedMs,
    });
    const unheardMs = Math.max(0, current.said * WORD_MS - playedMs);
    said = addTokens(said, { text: 0, audio: -assistantAudioTokens(unheardMs) });
  };

  const interrupt = (): void => {
    cancel('turn_detected');
    stopSpeaking();
  };

  const cancelOnRequest = (): void => {
    if (answering === undefined || answering.isGenerated) {
      fail(clientError('response_cancel_not_active', 'Cancellation failed: no active response.'));
      return;
    }
    cancel('client_cancelled');
    stopSpeaking();
  };

  const commitOnRequest = (): void => {
    if (heardMs === committedToMs) {
      fail(clientError('input_audio_buffer_commit_empty', 'The buffer holds no sound.'));
      return;
    }
    speechFromMs = committedToMs;
    commit(heardMs);
  };

  const act = (event: ClientEvent): void => {
    switch (event.type) {
      case 'session.update':
        settings = { ...settings, ...event.session };
        emit('session.updated', { session: settings });
        break;
      case 'response.create':
        respond();
        break;
      case 'response.cancel':
        cancelOnRequest();
        break;
      case 'output_audio_buffer.clear':
        stopSpeaking();
        break;
      case 'input_audio_buffer.clear':
        committedToMs = heardMs;
        emit('input_audio_buffer.cleared');
        break;
      case 'input_audio_buffer.commit':
        commitOnRequest();
        break;
      case 'conversation.item.create':
        said = addTokens(said, {
          text: textTokens(event.item.content.map((part) => part.text).join(' ')),
          audio: 0,
        });
        addItem({ ...event.item, id: newId('item'), object: 'realtime.item', status: 'completed' });
        break;
    }
  };

  return {
    start: () => emit('session.created', { session }),
    hear: (payload) => {
      const ms = payload.length / BYTES_PER_MS;
      heardMs += ms;
      if (!detection.isOn) return;
      const activity = voice.hear(loudnessOf(payload), ms);
      if (activity?.kind === 'started') {
        speechFromMs = Math.max(committedToMs, activity.atMs - detection.paddingMs);
        emit('input_audio_buffer.speech_started', {
          audio_start_ms: Math.round(speechFromMs),
          item_id: visitorItemId,
        });
        if (detection.interrupts) interrupt();
      }
      if (activity?.kind === 'stopped') {
        emit('input_audio_buffer.speech_stopped', {
          audio_end_ms: Math.round(activity.atMs),
          item_id: visitorItemId,
        });
        commit(activity.atMs);
        if (detection.answers) respond();
      }
    },
    receive: (text) => {
      const parsed = parseClientEvent(text);
      if ('error' in parsed) fail(parsed.error);
      else act(parsed.event);
    },
    fail,
    end: () => {
      clearInterval(answering?.timer);
      answering?.playing?.stop();
      hasEnded = true;
    },
  };
}

const transcriptOf = ({ words, said }: Answering): string => words.slice(0, said).join(' ');

const itemOf = (current: Answering, status: 'in_progress' | 'completed' | 'incomplete') => ({
  id: current.itemId,
  object: 'realtime.item',
  type: 'message',
  status,
  role: 'assistant',
  content: status === 'in_progress' ? [] : [{ type: 'output_audio', transcript: transcriptOf(current) }],
});

/** The defaults are OpenAI's for `server_vad`; `semantic_vad` is treated as that, since nobody understands a word here. */
const detectionOf = (settings: SessionRequest | undefined) => {
  const asked = settings?.audio?.input?.turn_detection;
  const server = asked?.type === 'server_vad' ? asked : undefined;
  return {
    isOn: asked !== null,
    isTranscribed: (settings?.audio?.input?.transcription ?? null) !== null,
    threshold: server?.threshold ?? 0.5,
    silenceMs: server?.silence_duration_ms ?? DEFAULT_SILENCE_MS,
    paddingMs: server?.prefix_padding_ms ?? DEFAULT_PADDING_MS,
    interrupts: asked?.interrupt_response ?? true,
    answers: asked?.create_response ?? true,
  };
};

const rateLimits = (said: Tokens) => [
  { name: 'requests', limit: RATE_LIMIT_REQUESTS, remaining: RATE_LIMIT_REQUESTS - 1, reset_seconds: 0.15 },
  {
    name: 'tokens',
    limit: RATE_LIMIT_TOKENS,
    remaining: Math.max(0, RATE_LIMIT_TOKENS - said.text - said.audio),
    reset_seconds: 0.1,
  },
];
