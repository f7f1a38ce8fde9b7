import fc from 'fast-check';
import { hostileNumber, hostileText } from './hostile-values.ts';

/** JSON as it is written, so that it can hold what no value holds: a key twice, `__proto__`, 1e400. */
export type JsonNode =
  | { readonly raw: string }
  | { readonly entries: readonly (readonly [string, JsonNode])[] }
  | { readonly items: readonly JsonNode[] };

export const raw = (text: string): JsonNode => ({ raw: text });
export const text = (value: string): JsonNode => raw(JSON.stringify(value));

export const render = (node: JsonNode): string => {
  if ('raw' in node) return node.raw;
  if ('items' in node) return `[${node.items.map(render).join(',')}]`;
  return `{${node.entries.map(([key, value]) => `${JSON.stringify(key)}:${render(value)}`).join(',')}}`;
};

/** How many nodes there are, the root among them. */
export const countOf = (node: JsonNode): number =>
  1 + childrenOf(node).reduce((sum, child) => sum + countOf(child), 0);

const childrenOf = (node: JsonNode): readonly JsonNode[] => {
  if ('raw' in node) return [];
  return 'items' in node ? node.items : node.entries.map(([, value]) => value);
};

/** The node of that number, counted from the root. */
export const nodeAt = (node: JsonNode, place: number): JsonNode => {
  let found = node;
  changeAt(node, place, (there) => {
    found = there;
    return there;
  });
  return found;
};

/** The tree with its node of that number, counted from the root, changed. */
export const changeAt = (node: JsonNode, place: number, change: (node: JsonNode) => JsonNode): JsonNode => {
  if (place === 0) return change(node);
  let next = 1;
  const visit = (child: JsonNode): JsonNode => {
    const first = next;
    next += countOf(child);
    return place >= first && place < next ? changeAt(child, place - first, change) : child;
  };
  if ('raw' in node) return node;
  if ('items' in node) return { items: node.items.map(visit) };
  return { entries: node.entries.map(([key, value]) => [key, visit(value)] as const) };
};

const nested = (depth: number, open: string, close: string): JsonNode =>
  raw(`${open.repeat(depth)}${close === '' ? '' : '0'}${close.repeat(depth)}`);

const hostileLeaf: fc.Arbitrary<JsonNode> = fc.oneof(
  { weight: 3, arbitrary: hostileText.map(text) },
  { weight: 3, arbitrary: hostileNumber.map(raw) },
  {
    weight: 3,
    arbitrary: fc.constantFrom<JsonNode>(
      raw('null'),
      raw('true'),
      raw('false'),
      raw('[]'),
      raw('{}'),
      raw('""'),
      raw('[[]]'),
      raw('NaN'),
      raw('Infinity'),
      raw('undefined'),
      raw('01'),
      raw('"\\ud800"'),
      raw('"\\u0000"'),
      raw('"\\x41"'),
      raw('"a\nb"'),
      raw('{"__proto__":{"role":"owner"}}'),
      raw('{"constructor":{"prototype":{"role":"owner"}}}'),
      raw('{"toString":1,"valueOf":1,"length":1e9}'),
      nested(50, '[', ']'),
      nested(4_000, '[', ']'),
      nested(4_000, '{"a":', '}'),
      nested(9_000, '[', ''),
      { items: Array.from({ length: 2_000 }, () => raw('0')) },
      { entries: Array.from({ length: 500 }, (_, i) => [`k${i}`, raw('0')] as const) },
    ),
  },
);

const hostileKey = fc.oneof(
  fc.constantFrom('__proto__', 'constructor', 'prototype', 'toString', 'site_id', 'workspace_id', 'version'),
  hostileText,
);

type Change = (node: JsonNode) => JsonNode;

const change: fc.Arbitrary<Change> = fc.oneof(
  {
    weight: 6,
    arbitrary: hostileLeaf.map(
      (leaf): Change =>
        () =>
          leaf,
    ),
  },
  {
    weight: 3,
    arbitrary: fc.tuple(hostileKey, hostileLeaf, fc.boolean()).map(
      ([key, value, first]): Change =>
        (node) =>
          'entries' in node
            ? { entries: first ? [[key, value], ...node.entries] : [...node.entries, [key, value]] }
            : node,
    ),
  },
  {
    weight: 2,
    arbitrary: fc.tuple(fc.nat(20), fc.option(hostileLeaf)).map(
      ([at, other]): Change =>
        (node) => {
          if (!('entries' in node) || node.entries.length === 0) return node;
          const [key, value] = node.entries[at % node.entries.length] ?? ['', raw('0')];
          return { entries: [...node.entries, [key, other ?? value]] };
        },
    ),
  },
  {
    weight: 2,
    arbitrary: fc.nat(20).map(
      (at): Change =>
        (node) => {
          if ('entries' in node)
            return { entries: node.entries.filter((_, i) => i !== at % Math.max(1, node.entries.length)) };
          if ('items' in node)
            return { items: node.items.filter((_, i) => i !== at % Math.max(1, node.items.length)) };
          return node;
        },
    ),
  },
  {
    weight: 1,
    arbitrary: fc.integer({ min: 0, max: 60 }).map(
      (times): Change =>
        (node) => ({
          items: Array.from({ length: times }, () => node),
        }),
    ),
  },
);

/** `valid` with up to three places of it changed. */
export const changed = (valid: fc.Arbitrary<JsonNode>): fc.Arbitrary<JsonNode> =>
  fc
    .tuple(valid, fc.array(fc.tuple(fc.nat(1_000), change), { maxLength: 3 }))
    .map(([node, changes]) =>
      changes.reduce((tree, [place, apply]) => changeAt(tree, place % countOf(tree), apply), node),
    );
