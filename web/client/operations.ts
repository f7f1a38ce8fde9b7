import { type Schema, typeOf } from './types-of.ts';

interface Parameter {
  readonly in: string;
  readonly name: string;
  readonly required?: boolean;
  readonly schema: Schema;
}

interface Content {
  readonly 'application/json'?: { readonly schema: Schema };
}

export interface Operation {
  readonly operationId?: string;
  readonly summary?: string;
  readonly parameters?: readonly Parameter[];
  readonly requestBody?: { readonly content: Content };
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>;
}

export interface OpenApi {
  readonly info: { readonly version: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

export interface NamedOperation extends Operation {
  readonly id: string;
  readonly method: string;
  readonly path: string;
  /** The schema of `data` in the answer. */
  readonly data: Schema;
}

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

/** Every operation that answers JSON; preflights are the browser's own. */
export const operationsOf = ({ paths }: OpenApi): readonly NamedOperation[] =>
  Object.entries(paths).flatMap(([path, operations]) =>
    METHODS.flatMap((method) => {
      const operation = operations[method];
      const [, answer] =
        Object.entries(operation?.responses ?? {}).find(([status]) => status.startsWith('2')) ?? [];
      const data = answer?.content?.['application/json']?.schema.properties?.['data'];
      if (operation?.operationId === undefined || data === undefined) return [];
      return [{ ...operation, id: operation.operationId, method: method.toUpperCase(), path, data }];
    }),
  );

const parametersOf = ({ parameters = [] }: NamedOperation, place: string): string => {
  const fields = parameters
    .filter((parameter) => parameter.in === place)
    .map(
      ({ name, required, schema }) =>
        `readonly ${JSON.stringify(name)}${required === true ? '' : '?'}: ${typeOf(schema)};`,
    );
  return fields.length === 0 ? 'undefined' : `{ ${fields.join(' ')} }`;
};

/** The declaration of one operation: the parts of its request, and the data of its answer. */
export const declarationOf = (operation: NamedOperation): string => {
  const body = operation.requestBody?.content['application/json']?.schema;
  return `/** ${operation.summary ?? operation.id} */
${operation.id}: {
  readonly path: ${parametersOf(operation, 'path')};
  readonly query: ${parametersOf(operation, 'query')};
  readonly headers: ${parametersOf(operation, 'header')};
  readonly body: ${body === undefined ? 'undefined' : typeOf(body)};
  readonly data: ${typeOf(operation.data)};
};`;
};
