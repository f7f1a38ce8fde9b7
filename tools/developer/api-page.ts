import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { runCommand } from '../command.ts';

const USAGE = `npm run docs:api

Writes the HTTP API of docs/openapi.json as a page, dist/api/index.html.
`;

/** The parts of docs/openapi.json that the page shows. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly description?: string;
  readonly enum?: readonly unknown[];
  readonly const?: unknown;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  readonly anyOf?: readonly Schema[];
  readonly oneOf?: readonly Schema[];
}
interface Content {
  readonly content?: Readonly<Record<string, { readonly schema?: Schema }>>;
}
interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly security?: readonly unknown[];
  readonly parameters?: readonly {
    readonly in: string;
    readonly name: string;
    readonly required?: boolean;
    readonly description?: string;
    readonly schema?: Schema;
  }[];
  readonly requestBody?: Content;
  readonly responses: Readonly<Record<string, Content & { readonly description: string }>>;
}
export interface OpenApi {
  readonly info: { readonly title: string; readonly version: string; readonly description: string };
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, Schema>> };
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
};
const escaped = (text: string): string => text.replaceAll(/[&<>"]/g, (sign) => ENTITIES[sign] ?? sign);
/** Text with the code marks and paragraphs of the document's Markdown. */
const prose = (text: string): string =>
  escaped(text)
    .replaceAll(/`([^`]+)`/g, '<code>$1</code>')
    .replaceAll('\n\n', '<br>');

const nameOf = (ref: string): string => ref.slice(ref.lastIndexOf('/') + 1);

const typeOf = (schema: Schema): string => {
  if (schema.$ref !== undefined) {
    const name = escaped(nameOf(schema.$ref));
    return `<a href="#schema-${name}">${name}</a>`;
  }
  if (schema.const !== undefined) return `<code>${escaped(JSON.stringify(schema.const))}</code>`;
  if (schema.enum !== undefined)
    return schema.enum.map((value) => `<code>${escaped(JSON.stringify(value))}</code>`).join(' ');
  const choices = schema.anyOf ?? schema.oneOf;
  if (choices !== undefined) return choices.map(typeOf).join(' or ');
  if (schema.items !== undefined) return `list of ${typeOf(schema.items)}`;
  return escaped([schema.type ?? 'any'].flat().join(' or '));
};

/** Fields of an object, including those of nested objects without a name. */
const rowsOf = (schema: Schema, prefix = ''): readonly string[] =>
  Object.entries(schema.properties ?? {}).flatMap(([name, field]) => {
    const path = `${prefix}${name}`;
    const optional = schema.required?.includes(name) ? '' : ' <small>optional</small>';
    const inner = field.properties === undefined ? field.items : field;
    const suffix = field.properties === undefined ? '[].' : '.';
    return [
      `<tr><td><code>${escaped(path)}</code>${optional}</td><td>${typeOf(field)}</td><td>${prose(field.description ?? '')}</td></tr>`,
      ...(inner?.properties === undefined ? [] : rowsOf(inner, `${path}${suffix}`)),
    ];
  });

const fields = (schema: Schema): string => {
  const rows = rowsOf(schema);
  return rows.length === 0 ? `<p>${typeOf(schema)}</p>` : `<table>${rows.join('')}</table>`;
};

const bodySchema = ({ content }: Content): Schema | undefined =>
  Object.values(content ?? {}).find(({ schema }) => schema !== undefined)?.schema;

const operationHtml = (path: string, method: string, operation: Operation): string => {
  const parameters = (operation.parameters ?? []).map(
    ({ in: where, name, required, description, schema }) =>
      `<tr><td><code>${escaped(name)}</code> <small>${where}${required === true ? '' : ', optional'}</small></td><td>${typeOf(schema ?? {})}</td><td>${prose(description ?? '')}</td></tr>`,
  );
  const body = operation.requestBody === undefined ? undefined : bodySchema(operation.requestBody);
  const responses = Object.entries(operation.responses).map(([status, response]) => {
    const schema = status.startsWith('2') ? bodySchema(response) : undefined;
    const data = schema?.properties?.['data'] ?? schema;
    return `<tr><td><b>${status}</b></td><td>${prose(response.description)}${data === undefined ? '' : fields(data)}</td></tr>`;
  });
  return `<section id="${escaped(operation.operationId)}"><h2><span>${method.toUpperCase()}</span> ${escaped(path)}</h2>
<p>${prose(operation.summary)}${operation.security?.length === 0 ? '' : ' <small>Needs an access token.</small>'}</p>
${parameters.length === 0 ? '' : `<h3>Parameters</h3><table>${parameters.join('')}</table>`}
${body === undefined ? '' : `<h3>Body</h3>${fields(body)}`}
<h3>Responses</h3><table>${responses.join('')}</table></section>`;
};

const STYLE = `:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;margin:0;display:flex}
nav{width:22rem;height:100vh;overflow:auto;position:sticky;top:0;padding:1rem;box-sizing:border-box;flex:none;font-size:14px}
nav a{display:block;padding:.15rem 0;overflow-wrap:anywhere}main{padding:1rem 2rem;max-width:60rem;min-width:0}
section{border-top:1px solid #8886;padding:1rem 0}h2{font-size:1.1rem;overflow-wrap:anywhere}h2 span{font-family:monospace;color:#0a7a5a}
table{border-collapse:collapse;width:100%}td{border-bottom:1px solid #8883;padding:.3rem .6rem .3rem 0;vertical-align:top}
td:first-child{white-space:nowrap}code{font-size:.9em}small{color:GrayText}@media(max-width:50rem){body{display:block}nav{width:auto;height:auto;position:static}}`;

/** Returns the OpenAPI document as one HTML page without scripts or anything from elsewhere. */
export const apiPage = ({ info, paths, components }: OpenApi): string => {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method, operation })),
  );
  const links = operations.map(
    ({ path, method, operation }) =>
      `<a href="#${escaped(operation.operationId)}">${method.toUpperCase()} ${escaped(path)}</a>`,
  );
  const schemas = Object.entries(components.schemas).map(
    ([name, schema]) =>
      `<section id="schema-${escaped(name)}"><h2>${escaped(name)}</h2><p>${prose(schema.description ?? '')}</p>${fields(schema)}</section>`,
  );
  return `<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>${escaped(info.title)} API ${escaped(info.version)}</title><style>${STYLE}</style>
<nav><b>${escaped(info.title)} ${escaped(info.version)}</b>${links.join('')}<a href="#schemas">Schemas</a></nav>
<main><h1>${escaped(info.title)} API</h1><p>${prose(info.description)}</p>
${operations.map(({ path, method, operation }) => operationHtml(path, method, operation)).join('\n')}
<h1 id="schemas">Schemas</h1>${schemas.join('\n')}</main></html>
`;
};

if (import.meta.main)
  await runCommand({
    usage: USAGE,
    run: () => {
      const openApi: OpenApi = JSON.parse(
        readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8'),
      );
      const folder = new URL('../../dist/api/', import.meta.url);
      mkdirSync(folder, { recursive: true });
      writeFileSync(new URL('index.html', folder), apiPage(openApi));
      process.stdout.write('The HTTP API as a page: dist/api/index.html\n');

      return 0;
    },
  });
