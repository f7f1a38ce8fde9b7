/** How the owner defines the first message: words to say, or instructions from which the assistant chooses its words. */
export const FIRST_MESSAGE_TYPES = ['text', 'instructions'] as const;

/** Maximum length of a first message, characters: about half a minute of speech. */
export const MAX_FIRST_MESSAGE_LENGTH = 500;

/** The words, or instructions for them, with which the assistant begins. */
export interface FirstMessage {
  readonly type: (typeof FIRST_MESSAGE_TYPES)[number];
  readonly text: string;
}

/**
 * Returns the system message that the first response answers, in addition to the instructions of the session; null if the
 * assistant waits for the visitor. OpenAI has no request that speaks a given text, so the model may choose other words.
 */
export const firstMessagePrompt = ({
  firstMessage,
}: {
  readonly firstMessage: FirstMessage | null;
}): string | null => {
  if (firstMessage === null) return null;
  const { type, text } = firstMessage;
  return type === 'text'
    ? `Begin the conversation. Say exactly this and nothing else: ${text}`
    : `Begin the conversation. ${text}`;
};

/**
 * Returns `response.input` of OpenAI's `response.create` for the first message. It is the whole input of that response, and does
 * not become part of the conversation. Source: RealtimeResponseCreateParams.
 */
export const firstMessageInput = (prompt: string) => [
  {
    type: 'message' as const,
    role: 'system' as const,
    content: [{ type: 'input_text' as const, text: prompt }],
  },
];
