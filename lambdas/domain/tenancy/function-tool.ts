/** A function that the page of a site answers for the assistant. OpenAI's `RealtimeFunctionTool`, without its constant type. */
export interface FunctionTool {
  readonly name: string;
  readonly description: string;
  /** A JSON Schema of an object, as JSON. Only OpenAI reads it. */
  readonly parameters: string;
}

export const MAX_TOOLS = 16;
/** All functions of a site as JSON, characters. Each response reads them again, like the instructions. */
export const MAX_TOOLS_LENGTH = 8_000;
/** Levels of objects and lists in `parameters`. */
export const MAX_PARAMETERS_DEPTH = 12;

/**
 * True for a value that JSON can express in at most `depth` levels, in valid Unicode: half a surrogate pair is changed when it is
 * encoded. Never recurses deeper than that.
 */
export const isJsonWithin = (value: unknown, depth: number): boolean => {
  if (value === null || typeof value === 'boolean') return true;
  if (typeof value === 'string') return value.isWellFormed();
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value !== 'object' || depth === 0) return false;
  return Object.entries(value).every(([name, part]) => name.isWellFormed() && isJsonWithin(part, depth - 1));
};
