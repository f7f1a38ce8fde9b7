import type { Caption } from '../caption.ts';
import type { ClientEvent, OutputItem, ServerEvent } from '../events.ts';
import { answerFunction, type FunctionCall, type ToolRequest, type Tools } from './tools.ts';

export interface TalkOptions {
  /** Sends an event to OpenAI. */
  readonly send: (event: ClientEvent) => void;
  /** The functions of the page, read at each call of one. */
  readonly tools: () => Tools | undefined;
  /** Tells the page that the assistant asks for a function. */
  readonly onFunction: (request: ToolRequest) => void;
  readonly onCaption: (caption: Caption) => void;
  /** Advice for the developer of the page. */
  readonly warn: (text: string) => void;
}

/** The data channel of one connection: captions from it, and messages and results of functions to the assistant. */
export interface Talk {
  hear(event: ServerEvent): void;
  /** Gives the assistant a typed message, which interrupts its answer. */
  type(text: string): void;
  /** True while a function of the page runs: the assistant waits for it. */
  readonly isBusy: boolean;
  /** Stops sending, even if a function still runs. */
  close(): void;
}

const isFunctionCall = (item: OutputItem): item is OutputItem & FunctionCall =>
  item.type === 'function_call' && typeof item.call_id === 'string' && typeof item.name === 'string';

/** The visitor's words arrive only if the session requests their transcription. */
const CAPTION_OF: Readonly<Record<string, Caption['role']>> = {
  'response.output_audio_transcript.delta': 'assistant',
  'response.output_audio_transcript.done': 'assistant',
  'conversation.item.input_audio_transcription.delta': 'visitor',
  'conversation.item.input_audio_transcription.completed': 'visitor',
};

/** Function calls in one answer that the page is asked for; the others are refused. */
const MOST_CALLS = 8;
/** Answers in a row that ask for functions; the next must be spoken. */
const MOST_ROUNDS = 5;

export const createTalk = ({ send, tools, onFunction, onCaption, warn }: TalkOptions): Talk => {
  let isClosed = false;
  let isAnswering = false;
  let mustAnswer = false;
  let rounds = 0;
  let running = 0;
  const captions = new Map<string, string>();

  const caption = ({ type, item_id = '', delta = '', transcript }: ServerEvent): void => {
    const role = CAPTION_OF[type];
    if (role === undefined) return;
    const text = transcript ?? (captions.get(item_id) ?? '') + delta;
    captions.set(item_id, text);
    onCaption({ role, id: item_id, text, final: transcript !== undefined });
  };

  const answer = (): void => {
    mustAnswer = isAnswering;
    if (isAnswering) return;
    send(
      rounds > MOST_ROUNDS
        ? { type: 'response.create', response: { tool_choice: 'none' } }
        : { type: 'response.create' },
    );
  };

  const answerFunctions = async (calls: readonly FunctionCall[]): Promise<void> => {
    rounds += 1;
    running += 1;
    await Promise.all(
      calls.map(async (call, index) => {
        const output =
          index < MOST_CALLS && rounds <= MOST_ROUNDS
            ? await answerFunction(call, tools(), onFunction, warn)
            : '{"error":"too_many_calls"}';
        if (isClosed) return;
        send({
          type: 'conversation.item.create',
          item: { type: 'function_call_output', call_id: call.call_id, output },
        });
      }),
    );
    running -= 1;
    if (!isClosed) answer();
  };

  return {
    get isBusy() {
      return running > 0;
    },
    hear: (event) => {
      caption(event);
      const { type, response } = event;
      if (type === 'input_audio_buffer.speech_started') rounds = 0;
      if (type === 'response.created') isAnswering = true;
      if (type !== 'response.done') return;
      isAnswering = false;
      const calls = (response?.output ?? []).filter(isFunctionCall);
      if (response?.status === 'completed' && calls.length > 0) void answerFunctions(calls);
      else if (mustAnswer) answer();
    },
    type: (text) => {
      rounds = 0;
      if (isAnswering) send({ type: 'response.cancel' });
      send({ type: 'output_audio_buffer.clear' });
      send({
        type: 'conversation.item.create',
        item: { type: 'message', role: 'user', content: [{ type: 'input_text', text }] },
      });
      answer();
    },
    close: () => {
      isClosed = true;
    },
  };
};
