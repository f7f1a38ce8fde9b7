import { ROUTES, type Route, type RouteId } from '../../../lambdas/contract/routes.ts';
import { changeAt, countOf, type JsonNode, nodeAt, raw, render, text } from './json-node.ts';
import type { Probe } from './probe.ts';
import { examplesOf, parameterNamesOf } from './schema-values.ts';

/** Each stands for a way in which a text has broken something somewhere. */
const TEXTS: readonly string[] = [
  '',
  ' ',
  '\0',
  '\uD800',
  'a\uDFFFb',
  '\uFEFF',
  '\r\n',
  '\u2028',
  '__proto__',
  'NaN',
  '1e400',
  '-1',
  '0.5',
  '../..',
  '%00',
  'a'.repeat(300),
  'a'.repeat(20_000),
  '😀'.repeat(300),
  '0000-01-01',
  '9999-12-31',
  '0001-01-01T00:00:00Z',
  '9999-12-31T23:59:59.999999999Z',
  'WORKSPACE#',
];

/** And what is no text if one is wanted, or one where none is. */
const NODES: readonly JsonNode[] = [
  ...TEXTS.map(text),
  ...[
    'null',
    'true',
    '0',
    '-0',
    '-1',
    '1.5',
    '1e400',
    '-1e400',
    '9007199254740993',
    '1e-320',
    '[]',
    '{}',
    '[null]',
  ].map(raw),
  raw('{"__proto__":{"length":1}}'),
  raw(`${'['.repeat(3_000)}${']'.repeat(3_000)}`),
];

const plain = (id: RouteId, route: Route): Probe => {
  const [example] = route.body === undefined ? [] : examplesOf(route.body);
  return {
    route: id,
    as: route.access === 'public' ? 'nobody' : 'owner',
    overHttp: false,
    path: {},
    query: [],
    headers: [],
    body: example === undefined ? null : { text: render(example) },
  };
};

/** Places whose content stands nowhere before: of twenty counts of tokens one will do here. */
const distinctPlaces = (example: JsonNode): readonly number[] => {
  const seen = new Set<string>();
  return Array.from({ length: countOf(example) }, (_, place) => place).filter((place) => {
    const content = render(nodeAt(example, place));
    return !seen.has(content) && seen.add(content);
  });
};

/** For each field of the body, of each kind of body, each parameter of the query and of the path: everything above in its place. */
export const systematicProbes = (id: RouteId): readonly Probe[] => {
  const route: Route = ROUTES[id];
  const good = plain(id, route);
  const bodies = (route.body === undefined ? [] : examplesOf(route.body)).flatMap((example) =>
    // Where a field is null there is nothing else to look at that another example does not have.
    render(example).includes('null')
      ? render(example)
      : distinctPlaces(example).flatMap((place) =>
          NODES.map((node) => render(changeAt(example, place, () => node))),
        ),
  );
  const names = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name ?? '');
  const parameters = route.query === undefined ? ['unknown'] : parameterNamesOf(route.query);
  return [
    good,
    ...[...new Set(bodies)].map((body): Probe => ({ ...good, body: { text: body } })),
    ...parameters.flatMap((name) => TEXTS.map((value): Probe => ({ ...good, query: [[name, value]] }))),
    ...names.flatMap((name) => TEXTS.map((value): Probe => ({ ...good, path: { [name]: value } }))),
    ...(parameters.includes('cursor')
      ? TEXTS.filter((place) => place !== '').map(
          (forgedPlace): Probe => ({ ...good, query: [['cursor', { forgedPlace }]] }),
        )
      : []),
  ];
};
