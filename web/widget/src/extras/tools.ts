/** The functions that a page offers, by the names in the settings of the site. */
export type Tools = Readonly<Record<string, (input: never) => unknown>>;

/** A function call of the assistant, as OpenAI sends it. */
export interface FunctionCall {
  readonly call_id: string;
  readonly name: string;
  /** JSON. */
  readonly arguments?: string;
}

/** A function call as the page receives it. */
export interface ToolRequest {
  readonly name: string;
  readonly call_id: string;
  readonly arguments: object;
  /** Answers the call with a result, or a promise of one, in place of a function in `tools`. */
  readonly respond: (result: unknown) => void;
}

/** Longest arguments and longest result of a function, characters of JSON. */
const LONGEST_JSON = 16_000;
const LONGEST_MS = 15_000;

const errorOf = (error: string): string => JSON.stringify({ error });

/**
 * Returns the page's answer to one function call as JSON. The assistant is told in one word what failed, never the text of
 * an exception, which may be about the page's server.
 */
export const answerFunction = async (
  call: FunctionCall,
  tools: Tools | undefined,
  onFunction: (request: ToolRequest) => void,
  warn: (text: string) => void,
): Promise<string> => {
  const { name, call_id, arguments: json = '{}' } = call;
  const input = json.length > LONGEST_JSON ? undefined : parsed(json);
  if (typeof input !== 'object' || input === null) return errorOf('invalid_arguments');
  const fail = (error: string, text: string): string => {
    warn(`function ${name} ${text}`);
    return errorOf(error);
  };
  try {
    let given: { readonly result: unknown } | undefined;
    const respond = (result: unknown): void => {
      given ??= { result };
    };
    onFunction({ name, call_id, arguments: input, respond });
    const own = Object.keys(tools ?? {}).includes(name) ? tools?.[name] : undefined;
    if (given === undefined && typeof own !== 'function')
      return fail('not_available', 'is not among voice.tools, and no listener of spelo-tool answered it.');
    const result = await withinTime(given === undefined ? own?.(input as never) : given.result);
    if (result === LATE) return fail('timeout', `took longer than ${LONGEST_MS / 1_000} seconds.`);
    const output = JSON.stringify(result ?? null) ?? 'null';
    return output.length > LONGEST_JSON
      ? fail('too_large', `answered with more than ${LONGEST_JSON} characters.`)
      : output;
  } catch (error) {
    return fail('failed', `threw ${error instanceof Error ? error.name : 'an error'}.`);
  }
};

const parsed = (json: string): unknown => {
  try {
    return JSON.parse(json);
  } catch {
    return undefined;
  }
};

const LATE = Symbol('late');

const withinTime = async (result: unknown): Promise<unknown> => {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise((resolve) => {
    timer = setTimeout(() => resolve(LATE), LONGEST_MS);
  });
  return Promise.race([Promise.resolve(result), late]).finally(() => clearTimeout(timer));
};
