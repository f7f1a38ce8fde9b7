import type { Site } from '../api/queries.ts';

export type FunctionTool = Site['tools'][number];
export type Schema = FunctionTool['parameters'];

/** The schema of a function without arguments. */
export const NO_ARGUMENTS: Schema = { type: 'object', properties: {} };

export const textOf = (schema: Schema): string => JSON.stringify(schema, undefined, 2);

/** The schema that a person typed, or the reason why the text is not a JSON object. The API checks the rest. */
export const schemaOf = (text: string): { readonly schema: Schema } | { readonly fault: string } => {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? { schema: value as Schema }
      : { fault: 'Must be a JSON object in braces, for example {"type": "object", "properties": {}}.' };
  } catch (error) {
    return { fault: `Must be valid JSON. ${error instanceof Error ? error.message : ''}`.trim() };
  }
};

/** The names of the arguments in the order of the schema. The schema may have no names. */
export const argumentsOf = ({ properties }: Schema): readonly string[] =>
  typeof properties === 'object' && properties !== null ? Object.keys(properties) : [];

const IDENTIFIER = /^[A-Za-z_$][\w$]*$/;

/** Code for a page that answers these functions. */
export const pageCode = (tools: readonly FunctionTool[]): string => {
  const lines = tools.map(({ name, parameters }) => {
    const names = argumentsOf(parameters).filter((argument) => IDENTIFIER.test(argument));
    const key = IDENTIFIER.test(name) ? name : JSON.stringify(name);
    const taken = names.length === 0 ? '' : `{ ${names.join(', ')} }`;
    return `  ${key}: async (${taken}) => {\n    // Return what the assistant needs to know, as JSON.\n  },`;
  });
  return `document.querySelector('spelo-voice').tools = {\n${lines.join('\n')}\n};`;
};
