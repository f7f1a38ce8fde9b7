/** A JSON Schema as `docs/openapi.json` has them: what zod writes, and nothing else. */
export interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly const?: unknown;
  readonly enum?: readonly unknown[];
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly description?: string;
}

const quoted = (name: string): string => (/^[A-Za-z_]\w*$/.test(name) ? name : JSON.stringify(name));

const commented = (description: string | undefined, code: string): string =>
  description === undefined ? code : `/** ${description.replaceAll('*/', '*\\/')} */ ${code}`;

const union = (types: readonly string[]): string => [...new Set(types)].join(' | ');

/**
 * Returns the TypeScript type of a schema.
 *
 * @throws for a schema of a kind that is not handled, so that the client never has a wrong type.
 */
export const typeOf = (schema: Schema): string => {
  if (schema.$ref !== undefined) return schema.$ref.slice(schema.$ref.lastIndexOf('/') + 1);
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  if (schema.enum !== undefined) return union(schema.enum.map((value) => JSON.stringify(value)));
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return union(choices.map(typeOf));
  if (typeof schema.type === 'object') return union(schema.type.map((type) => typeOf({ ...schema, type })));
  switch (schema.type) {
    case 'string':
    case 'boolean':
    case 'null':
      return schema.type;
    case 'number':
    case 'integer':
      return 'number';
    case 'array':
      return `readonly (${typeOf(schema.items ?? {})})[]`;
    case 'object':
      return objectType(schema);
    case undefined:
      return 'unknown';
    default:
      throw new Error(`The client has no type for ${JSON.stringify(schema)}.`);
  }
};

const objectType = ({ properties, required = [], additionalProperties }: Schema): string => {
  if (properties === undefined)
    return `Readonly<Record<string, ${typeof additionalProperties === 'object' ? typeOf(additionalProperties) : 'unknown'}>>`;
  const fields = Object.entries(properties).map(([name, field]) =>
    commented(
      field.description,
      `readonly ${quoted(name)}${required.includes(name) ? '' : '?'}: ${typeOf(field)};`,
    ),
  );
  return `{\n${fields.join('\n')}\n}`;
};
