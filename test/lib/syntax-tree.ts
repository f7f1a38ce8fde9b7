import { readFileSync } from 'node:fs';
import { parseSync } from '@swc/core';

/** The little of swc's syntax tree that reachable-calls.ts reads. */

/** Any node: `type` says which, the other fields are nodes, lists of nodes or plain values. */
export interface Tree {
  readonly type: string;
  readonly [field: string]: unknown;
}

const isTree = (value: unknown): value is Tree =>
  typeof value === 'object' && value !== null && typeof Object(value).type === 'string';

export const parseFile = (file: string): Tree => {
  const module: unknown = parseSync(readFileSync(new URL(file), 'utf8'), {
    syntax: 'typescript',
    target: 'es2024',
  });
  if (!isTree(module)) throw new Error(`${file} has no syntax tree.`);
  return module;
};

/** A field that must be a node. */
export const childOf = (tree: Tree, field: string): Tree | undefined => {
  const child = tree[field];
  return isTree(child) ? child : undefined;
};

export const childrenOf = (tree: Tree, field: string): readonly Tree[] => {
  const list = tree[field];
  return Array.isArray(list) ? list.filter(isTree) : [];
};

/** Visits a node and all below it, in the order of the source. What `visit` returns false for is not entered. */
export const walk = (value: unknown, visit: (tree: Tree) => boolean | undefined): void => {
  if (Array.isArray(value)) for (const item of value) walk(item, visit);
  else if (isTree(value)) {
    if (visit(value) === false) return;
    for (const child of Object.values(value)) walk(child, visit);
  } else if (typeof value === 'object' && value !== null)
    // An argument of a call has no type.
    for (const child of Object.values(value)) walk(child, visit);
};

/** The name of an identifier or of a plain key; undefined for anything else. */
export const nameOf = (tree: Tree | undefined): string | undefined =>
  tree?.type === 'Identifier' || tree?.type === 'StringLiteral' ? String(tree['value']) : undefined;

/** `a.b.c` and `c` both end in `c`. */
export const lastNameOf = (tree: Tree | undefined): string | undefined =>
  tree?.type === 'MemberExpression' ? nameOf(childOf(tree, 'property')) : nameOf(tree);

/** The expressions between the parentheses of a call or of `new`. */
export const argumentsOf = (tree: Tree): readonly Tree[] => {
  const list = tree['arguments'];
  return Array.isArray(list) ? list.map((argument) => Object(argument).expression).filter(isTree) : [];
};

export const withoutParentheses = (tree: Tree | undefined): Tree | undefined =>
  tree?.type === 'ParenthesisExpression' ? withoutParentheses(childOf(tree, 'expression')) : tree;

export const isFunction = (tree: Tree | undefined): boolean =>
  tree !== undefined &&
  ['ArrowFunctionExpression', 'FunctionExpression', 'FunctionDeclaration', 'MethodProperty'].includes(
    tree.type,
  );
