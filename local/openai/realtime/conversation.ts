import { randomBytes } from 'node:crypto';
import { describeSession, newSessionId } from '../client-secrets.ts';
import type { ResponseFailure } from '../failures.ts';
import type { SessionRequest } from '../session-schema.ts';
import {
  type ClientError,
  type ClientEvent,
  clientError,
  parseClientEvent,
  type ResponseParams,
} from './client-events.ts';
import { functionIn } from './functions.ts';
import type { InvoiceWriter } from './invoice.ts';
import { BYTES_PER_MS, loudnessOf } from './mu-law.ts';
import type { Line } from './peer.ts';
import { createResponses, type Emit } from './responses.ts';
import { detectionOf, mergeSettings, truncated } from './session-settings.ts';
import { visitorSentence } from './speech.ts';
import { addTokens, NO_TOKENS, type Tokens, textTokens, userAudioTokens } from './usage.ts';
import { detectVoice } from './voice-activity.ts';

/** Takes one server event, as text. */
export type Reply = (text: string) => void;

export type ConversationOptions = {
  readonly settings: SessionRequest | undefined;
  readonly model: string;
  /** The latest end of the session, Unix seconds. */
  readonly expiresAt: number;
  /** Undefined for a key whose responses go well. */
  readonly failure: ResponseFailure | undefined;
  readonly play: Line['play'];
  /** Sends an event to the page and all sidebands. */
  readonly broadcast: Reply;
  readonly invoice: InvoiceWriter;
};

export type Conversation = {
  /** The session object as of now. */
  readonly session: () => Readonly<Record<string, unknown>>;
  /** The settings of every `response.create`, oldest first; empty objects where OpenAI's own turn detection asked. */
  readonly responseRequests: readonly ResponseParams[];
  /** Sends `session.created`. Only the page gets it; a sideband gets no event when it attaches. */
  readonly greet: (reply: Reply) => void;
  /** µ-law sound of the visitor. */
  readonly hear: (payload: Uint8Array) => void;
  /** Handles a message of the page or of a sideband. Errors go to its sender only. */
  readonly receive: (text: string, reply: Reply) => void;
  readonly fail: (error: ClientError) => void;
  /** Ends the session. No more events are sent. */
  readonly end: () => void;
};

const newId = (prefix: string): string => `${prefix}_${randomBytes(12).toString('base64url')}`;

/**
 * One Realtime session, as visible in its events: speech becomes turns, each turn gets a response, and each response is
 * counted.
 */
export function createConversation(options: ConversationOptions): Conversation {
  const sessionId = newSessionId();
  let { settings } = options;
  let detection = detectionOf(settings);
  let voice = detectVoice(detection);
  let heardMs = 0;
  let speechFromMs = 0;
  let committedToMs = 0;
  let visitorTurns = 0;
  const responseRequests: ResponseParams[] = [];
  /** Text that the visitor typed since the last response. */
  let typed = '';
  /** Function calls that have no output yet. */
  const calledFunctions = new Set<string>();
  let hasEnded = false;
  let visitorItemId = newId('item');
  let lastItemId: string | null = null;
  /** Without the instructions, which come before it. */
  let conversation = NO_TOKENS;

  const eventOf = (type: string, fields: Readonly<Record<string, unknown>> = {}): string =>
    JSON.stringify({ type, event_id: newId('event'), ...fields });
  /** The conversation, or the items that a request specifies instead. */
  const contextOf = (input: ResponseParams['input']): Tokens =>
    input === undefined
      ? conversation
      : input
          .map(({ content }) => ({ text: textTokens(JSON.stringify(content)), audio: 0 }))
          .reduce(addTokens, NO_TOKENS);
  const emit: Emit = (type, fields) => {
    if (!hasEnded) options.broadcast(eventOf(type, fields));
  };
  const session = () =>
    describeSession(settings, options.model, { id: sessionId, expiresAt: options.expiresAt });
  const append = (itemId: string): string | null => {
    const previous = lastItemId;
    lastItemId = itemId;
    return previous;
  };
  const responses = createResponses({
    emit,
    newId,
    append,
    play: options.play,
    failure: options.failure,
    conversationId: newId('conv'),
    onBilled: (billed) => {
      options.invoice.addResponse(billed);
      conversation = addTokens(conversation, billed.output);
    },
    onUnheard: (audio) => {
      conversation = addTokens(conversation, { text: 0, audio: -audio });
    },
  });

  const addItem = (item: Readonly<Record<string, unknown>>, previous_item_id: string | null): void => {
    emit('conversation.item.added', { previous_item_id, item });
    emit('conversation.item.done', { previous_item_id, item });
  };

  const commit = (toMs: number): void => {
    const audio = userAudioTokens(toMs - speechFromMs);
    committedToMs = toMs;
    conversation = addTokens(conversation, { text: 0, audio });
    const item_id = visitorItemId;
    visitorItemId = newId('item');
    const previous_item_id = append(item_id);
    emit('input_audio_buffer.committed', { previous_item_id, item_id });
    const content = [{ type: 'input_audio', transcript: null }];
    const fixed = { object: 'realtime.item', type: 'message', status: 'completed', role: 'user' };
    addItem({ ...fixed, id: item_id, content }, previous_item_id);
    if (detection.isTranscribed) transcribe(item_id, audio);
    visitorTurns += 1;
  };

  /** Billed separately, at the price of the transcription model. */
  const transcribe = (item_id: string, audio: number): void => {
    const transcript = visitorSentence(visitorTurns);
    const at = { item_id, content_index: 0 };
    const usage = {
      type: 'tokens',
      total_tokens: audio + textTokens(transcript),
      input_tokens: audio,
      input_token_details: { text_tokens: 0, audio_tokens: audio },
      output_tokens: textTokens(transcript),
    };
    options.invoice.addTranscription(usage);
    emit('conversation.item.input_audio_transcription.delta', { ...at, delta: transcript });
    emit('conversation.item.input_audio_transcription.completed', { ...at, transcript, usage });
  };

  /** Returns the error that prevents a response now, if any. */
  const respond = (params: ResponseParams = {}): ClientError | undefined => {
    responseRequests.push(params);
    if (responses.isGenerating())
      return clientError(
        'conversation_already_has_active_response',
        'The conversation has an active response.',
      );
    responses.stopSpeaking();
    conversation = truncated(conversation, settings);
    const called = functionIn(typed, { ...settings, ...params });
    typed = '';
    const instructions = textTokens(params.instructions ?? settings?.instructions ?? '');
    const input = addTokens(contextOf(params.input), { text: instructions, audio: 0 });
    if (called === undefined) responses.start(params, settings, input);
    else calledFunctions.add(responses.call(called, params, settings, input));
    return undefined;
  };

  const update = (
    asked: Extract<ClientEvent, { type: 'session.update' }>['session'],
  ): ClientError | undefined => {
    if (asked.model !== undefined && asked.model !== options.model)
      return clientError('invalid_value', 'The model of a session cannot be changed.', {
        param: 'session.model',
      });
    const newVoice = asked.audio?.output?.voice;
    if (responses.count() > 0 && newVoice !== undefined && newVoice !== settings?.audio?.output?.voice)
      return clientError(
        'cannot_update_voice',
        "Cannot update a conversation's voice if assistant audio is present.",
      );
    settings = mergeSettings(settings, asked);
    detection = detectionOf(settings);
    if (asked.audio?.input?.turn_detection !== undefined) voice = detectVoice(detection, heardMs);
    emit('session.updated', { session: session() });
    return undefined;
  };

  const cancel = (): ClientError | undefined => {
    if (!responses.isGenerating())
      return clientError('response_cancel_not_active', 'Cancellation failed: no active response.');
    responses.cancel('client_cancelled');
    responses.stopSpeaking();
    return undefined;
  };

  const commitOnRequest = (): ClientError | undefined => {
    if (heardMs === committedToMs)
      return clientError('input_audio_buffer_commit_empty', 'The buffer holds no sound.');
    speechFromMs = committedToMs;
    commit(heardMs);
    return undefined;
  };

  const act = (event: ClientEvent): ClientError | undefined => {
    switch (event.type) {
      case 'session.update':
        return update(event.session);
      case 'response.create':
        return respond(event.response);
      case 'response.cancel':
        return cancel();
      case 'output_audio_buffer.clear':
        responses.stopSpeaking();
        return undefined;
      case 'input_audio_buffer.clear':
        committedToMs = heardMs;
        emit('input_audio_buffer.cleared');
        return undefined;
      case 'input_audio_buffer.commit':
        return commitOnRequest();
      case 'conversation.item.create': {
        const { item } = event;
        const words = item.type === 'message' ? item.content.map((part) => part.text).join(' ') : item.output;
        if (item.type === 'function_call_output' && !calledFunctions.delete(item.call_id))
          return clientError(
            'invalid_tool_call_id',
            `Tool call ID '${item.call_id}' not found in conversation.`,
          );
        typed = item.type === 'message' && item.role === 'user' ? words : '';
        const text = textTokens(words);
        conversation = addTokens(conversation, { text, audio: 0 });
        const id = item.id ?? newId('item');
        addItem({ ...item, id, object: 'realtime.item', status: 'completed' }, append(id));
        return undefined;
      }
    }
  };

  return {
    session,
    responseRequests,
    greet: (reply) => reply(eventOf('session.created', { session: session() })),
    hear: (payload) => {
      const ms = payload.length / BYTES_PER_MS;
      heardMs += ms;
      if (!detection.isOn || hasEnded) return;
      const activity = voice.hear(loudnessOf(payload), ms);
      if (activity?.kind === 'started') {
        speechFromMs = Math.max(committedToMs, activity.atMs - detection.paddingMs);
        const audio_start_ms = Math.round(speechFromMs);
        emit('input_audio_buffer.speech_started', { audio_start_ms, item_id: visitorItemId });
        if (detection.interrupts) {
          responses.cancel('turn_detected');
          responses.stopSpeaking();
        }
      }
      if (activity?.kind === 'stopped') {
        const audio_end_ms = Math.round(activity.atMs);
        emit('input_audio_buffer.speech_stopped', { audio_end_ms, item_id: visitorItemId });
        commit(activity.atMs);
        const refused = detection.answers ? respond() : undefined;
        if (refused !== undefined) emit('error', { error: refused });
      }
    },
    receive: (text, reply) => {
      const parsed = parseClientEvent(text);
      const error = 'error' in parsed ? parsed.error : act(parsed.event);
      if (error === undefined || hasEnded) return;
      const named = 'event' in parsed ? { event_id: parsed.event.event_id ?? null } : {};
      reply(eventOf('error', { error: { ...error, ...named } }));
    },
    fail: (error) => emit('error', { error }),
    end: () => {
      responses.end();
      hasEnded = true;
    },
  };
}
