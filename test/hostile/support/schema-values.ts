import fc from 'fast-check';
import * as z from 'zod';
import { hostileText } from './hostile-values.ts';
import { type JsonNode, raw, text } from './json-node.ts';

interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly format?: string;
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
}

/** The JSON Schema of what a request may send. */
const inputSchemaOf = (schema: z.ZodType): Schema => {
  const { $defs = {}, ...whole } = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' });
  const json = JSON.stringify(whole);
  return JSON.parse(json, (_, value) => resolve(value, $defs as Readonly<Record<string, Schema>>)) as Schema;
};

/** The schema behind a reference, with its own references resolved. None of our schemas refers to itself. */
const resolve = (value: unknown, defs: Readonly<Record<string, Schema>>): unknown => {
  const name = (value as Schema | null)?.$ref?.replace('#/$defs/', '');
  if (name === undefined) return value;
  return JSON.parse(JSON.stringify(defs[name]), (_, inner) => resolve(inner, defs));
};

/** Requests that a schema describes: most of them as it wants them, some at its bounds or one step over. */
export const valuesOf = (schema: z.ZodType): fc.Arbitrary<JsonNode> => nodeOf(inputSchemaOf(schema));

export const parameterNamesOf = (schema: z.ZodType): readonly string[] =>
  Object.keys(inputSchemaOf(schema).properties ?? {});

/** The parameters of a query, each with matching texts. */
export const parametersOf = (schema: z.ZodType): Readonly<Record<string, fc.Arbitrary<string>>> =>
  Object.fromEntries(
    Object.entries(inputSchemaOf(schema).properties ?? {}).map(([name, field]) => [
      name,
      nodeOf(field).map((node) => ('raw' in node ? node.raw.replace(/^"|"$/g, '') : '')),
    ]),
  );

/** One request for each way in which a schema can be met: every field is in it, as it is wanted. */
export const examplesOf = (schema: z.ZodType): readonly JsonNode[] => exampleNodes(inputSchemaOf(schema));

const exampleNodes = (schema: Schema): readonly JsonNode[] => {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return alternatives.flatMap(exampleNodes);
  if (schema.const !== undefined) return [raw(JSON.stringify(schema.const))];
  if (schema.enum !== undefined) return [raw(JSON.stringify(schema.enum[0]))];
  switch ([schema.type].flat()[0]) {
    case 'object': {
      const fields = Object.entries(schema.properties ?? {}).map(
        ([name, field]) => [name, exampleNodes(field)] as const,
      );
      const entries = fields.map(([name, [first = raw('null')]]) => [name, first] as const);
      // Where a field can be met in several ways, one object for each of them.
      const others = fields.flatMap(([name, [, ...more]]) => more.map((node) => [name, node] as const));
      return [
        { entries },
        ...others.map(([name, node]) => ({
          entries: entries.map(([other, value]) => [other, other === name ? node : value] as const),
        })),
      ];
    }
    case 'array':
      return exampleNodes(schema.items ?? {}).map((node) => ({ items: [node] }));
    case 'integer':
    case 'number':
      return [raw(JSON.stringify(schema.minimum ?? 1))];
    case 'boolean':
      return [raw('true')];
    case 'null':
      return [raw('null')];
    default:
      return fc.sample(plainOf(schema), { seed: 1, numRuns: 1 }).map(text);
  }
};

const nodeOf = (schema: Schema): fc.Arbitrary<JsonNode> => {
  const alternatives = schema.anyOf ?? schema.oneOf;
  if (alternatives !== undefined) return fc.oneof(...alternatives.map(nodeOf));
  if (schema.const !== undefined) return fc.constant(raw(JSON.stringify(schema.const)));
  if (schema.enum !== undefined)
    return fc.constantFrom(...schema.enum.map((value) => raw(JSON.stringify(value))));
  switch ([schema.type].flat()[0]) {
    case 'object':
      return objectOf(schema);
    case 'array':
      return arrayOf(schema);
    case 'integer':
    case 'number':
      return numberOf(schema);
    case 'boolean':
      return fc.boolean().map((value) => raw(String(value)));
    case 'null':
      return fc.constant(raw('null'));
    default:
      return textOf(schema);
  }
};

const objectOf = ({ properties = {}, required = [] }: Schema): fc.Arbitrary<JsonNode> => {
  const fields = Object.entries(properties).map(([name, field]) => {
    const value = nodeOf(field).map((node) => [name, node] as const);
    return required.includes(name) ? value : fc.option(value, { freq: 2 });
  });
  return fc.tuple(...fields).map((entries) => ({ entries: entries.filter((entry) => entry !== null) }));
};

const arrayOf = ({ items = {}, minItems = 0, maxItems = 60 }: Schema): fc.Arbitrary<JsonNode> =>
  fc
    .oneof(
      {
        weight: 8,
        arbitrary: fc.array(nodeOf(items), { minLength: minItems, maxLength: Math.min(maxItems, 3) }),
      },
      { weight: 1, arbitrary: sameTimes(nodeOf(items), [minItems - 1, maxItems, maxItems + 1]) },
    )
    .map((nodes) => ({ items: nodes }));

const sameTimes = (item: fc.Arbitrary<JsonNode>, times: readonly number[]): fc.Arbitrary<JsonNode[]> =>
  fc
    .tuple(item, fc.constantFrom(...times))
    .map(([node, count]) => Array.from({ length: Math.max(0, count) }, () => node));

const numberOf = ({ minimum = -10, maximum = 1_000_000, type }: Schema): fc.Arbitrary<JsonNode> =>
  fc
    .oneof(
      {
        weight: 6,
        arbitrary: fc.integer({ min: Math.ceil(minimum), max: Math.floor(Math.min(maximum, 2 ** 31)) }),
      },
      { weight: 2, arbitrary: fc.constantFrom(minimum, maximum) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(minimum - 1, maximum + 1, minimum + (type === 'integer' ? 0.5 : 1e-9)),
      },
    )
    .map((value) => raw(JSON.stringify(value)));

/** Of the product's own kinds, which a JSON Schema does not say in full. */
const SAMPLES: Readonly<Record<string, readonly string[]>> = {
  'date-time': [
    '2026-11-23T12:00:10Z',
    '2026-11-23T12:00:10.123456Z',
    '1970-01-01T00:00:00Z',
    '9999-12-31T23:59:59Z',
  ],
  date: ['2026-11-01', '2026-11-30', '2024-02-29', '0001-01-01', '9999-12-31', '2026-01-01'],
  email: ['owner@shop.example', "o'wner+tag@shop.example", `${'a'.repeat(64)}@shop.example`],
  uri: ['https://shop.example/'],
};
const ORIGINS = [
  'https://shop.example',
  'https://*.shop.example',
  'http://localhost:3000',
  'https://xn--mller-kva.example',
];

const textOf = (schema: Schema): fc.Arbitrary<JsonNode> => {
  const { minLength = 0, maxLength = 200 } = schema;
  return fc
    .oneof(
      { weight: 6, arbitrary: plainOf(schema) },
      {
        weight: 1,
        arbitrary: fc.constantFrom(
          'a'.repeat(maxLength),
          'a'.repeat(maxLength + 1),
          'ü'.repeat(maxLength),
          'a'.repeat(Math.max(0, minLength - 1)),
        ),
      },
      { weight: 1, arbitrary: hostileText },
    )
    .map(text);
};

const texts = new Map<string, fc.Arbitrary<string>>();

/** Made once for the texts of one description: fast-check takes milliseconds to make one, and schemas repeat their fields. */
const plainOf = ({ format, pattern, description, minLength, maxLength }: Schema): fc.Arbitrary<string> => {
  const name = JSON.stringify([format, pattern, description, minLength, maxLength]);
  const made = texts.get(name) ?? newPlainOf({ format, pattern, description, minLength, maxLength });
  texts.set(name, made);
  return made;
};

type TextSchema = {
  readonly [Field in 'format' | 'pattern' | 'description' | 'minLength' | 'maxLength']: Schema[Field];
};

const newPlainOf = ({
  format,
  pattern,
  description,
  minLength = 0,
  maxLength = 200,
}: TextSchema): fc.Arbitrary<string> => {
  if (description?.includes('https://host[:port]') === true) return fc.constantFrom(...ORIGINS);
  if (description?.startsWith('Comma-separated') === true)
    return fc.subarray(['day', 'site', 'model', 'mode'], { minLength: 1 }).map((groups) => groups.join(','));
  if (description?.includes('api key') === true || description?.includes('API key') === true)
    return fc.constantFrom('<<key>>', ' <<key>>\n', '<<key:revoked>>', 'sk-short', '<<key>><<key>>');
  const samples = SAMPLES[format ?? ''];
  if (samples !== undefined) return fc.constantFrom(...samples);
  const matching = pattern === undefined ? undefined : tryMatching(pattern);
  return matching ?? fc.string({ unit: 'grapheme-ascii', minLength, maxLength: Math.min(maxLength, 40) });
};

/** Some patterns hold what cannot be generated from; any text does for those. */
const tryMatching = (pattern: string): fc.Arbitrary<string> | undefined => {
  try {
    return fc.stringMatching(new RegExp(pattern));
  } catch {
    return undefined;
  }
};
