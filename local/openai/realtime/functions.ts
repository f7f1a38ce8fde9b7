import type { SessionRequest } from '../session-schema.ts';

/** A function that the assistant calls. */
export type CalledFunction = { readonly name: string; readonly arguments: string };

type Offered = Pick<SessionRequest, 'tool_choice'> & {
  readonly tools?: readonly Readonly<Record<string, unknown>>[] | undefined;
};

/**
 * The function that a typed message names, such as `get_order {"id":"7"}`; the JSON after the name becomes its arguments.
 * OpenAI's model decides by the meaning of the speech; the stand-in does not understand words.
 */
export const functionIn = (
  typed: string,
  { tools = [], tool_choice }: Offered,
): CalledFunction | undefined => {
  const [, name = '', json = '{}'] = /^([a-zA-Z0-9_-]+)(?: (.+))?$/s.exec(typed.trim()) ?? [];
  const isOffered = tool_choice !== 'none' && tools.some((tool) => tool['name'] === name);
  return isOffered ? { name, arguments: json } : undefined;
};
