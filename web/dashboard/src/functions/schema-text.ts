import type { DataOf } from '../api/routes.ts';

export type FunctionTool = DataOf<'readSite'>['tools'][number];
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

/** Words that JavaScript keeps for itself in an async function of a module, so no variable can have their names. */
const RESERVED = new Set(
  `arguments await break case catch class const continue debugger default delete do else enum eval export extends false finally
  for function if implements import in instanceof interface let new null package private protected public return static super
  switch this throw true try typeof var void while with yield`.split(/\s+/),
);

const isVariable = (name: string): boolean => /^[A-Za-z_$][\w$]*$/.test(name) && !RESERVED.has(name);

/** As the key of an object literal. `__proto__` as a plain key would set the prototype. */
const keyOf = (name: string): string => {
  if (name === '__proto__') return `[${JSON.stringify(name)}]`;
  return isVariable(name) ? name : JSON.stringify(name);
};

/** Code for a page that answers these functions. Arguments that cannot be variables are left out of it. */
export const pageCode = (tools: readonly FunctionTool[]): string => {
  const lines = tools.map(({ name, parameters }) => {
    const names = argumentsOf(parameters).filter(isVariable);
    const taken = names.length === 0 ? '' : `{ ${names.join(', ')} }`;
    return `  ${keyOf(name)}: async (${taken}) => {\n    // Return what the assistant needs to know, as JSON.\n  },`;
  });
  return `document.querySelector('spelo-voice').tools = {\n${lines.join('\n')}\n};`;
};
