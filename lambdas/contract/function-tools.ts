import * as z from 'zod';
import {
  isJsonWithin,
  MAX_PARAMETERS_DEPTH,
  MAX_TOOLS,
  MAX_TOOLS_LENGTH,
} from '../domain/tenancy/function-tool.ts';
import { isUnicode, NOT_UNICODE } from './common.ts';

type Parameters = Readonly<Record<string, unknown>>;

const isOfObject = (schema: Parameters): boolean => schema['type'] === 'object';
const NOT_OF_OBJECT = 'Must be a JSON Schema with "type": "object".';

/** OpenAI's rules for a function, and our size limits. OpenAI would otherwise refuse the session, and so every call. */
const functionTool = z
  .strictObject({
    name: z
      .string()
      .regex(/^[a-zA-Z0-9_-]{1,64}$/, 'Must be 1 to 64 letters, digits, underscores or hyphens.'),
    description: z.string().max(1_024).refine(isUnicode, NOT_UNICODE).default(''),
    parameters: z
      .record(z.string(), z.unknown())
      .refine((value) => isJsonWithin(value, MAX_PARAMETERS_DEPTH), {
        message: `Must be JSON of at most ${MAX_PARAMETERS_DEPTH} levels, in valid Unicode.`,
        abort: true,
      })
      .refine(isOfObject, NOT_OF_OBJECT)
      .default({ type: 'object', properties: {} })
      .describe('JSON Schema of the arguments.'),
  })
  .meta({ id: 'FunctionTool' });

export const functionTools = z
  .array(functionTool)
  .max(MAX_TOOLS)
  .superRefine((tools, context) => {
    const names = new Set<string>();
    for (const [index, { name }] of tools.entries()) {
      if (names.has(name))
        context.addIssue({
          code: 'custom',
          path: [index, 'name'],
          message: 'Another function has this name.',
        });
      names.add(name);
    }
  })
  .refine((tools) => JSON.stringify(tools).length <= MAX_TOOLS_LENGTH, {
    message: `All functions together must have at most ${MAX_TOOLS_LENGTH} characters of JSON.`,
  })
  .describe(
    'Functions of the page that the assistant can call. Not for a `locked` site, because its calls have no data channel.',
  );
