import { createHash } from 'node:crypto';
import * as z from 'zod';
import { invalidCursor } from '../domain/broker-error.ts';
import type { Caller } from '../domain/tenancy/workspace.ts';
import type { PageRequest } from '../use-cases/ports/pages.ts';

const contents = z.tuple([z.string(), z.string().min(1).max(600)]);

/** Identifies the list: a cursor names no partition, so it can only continue the list that it came from. */
export interface List {
  readonly caller: Caller;
  readonly route: string;
  /** The workspace or site of the list. */
  readonly resource: string;
}

const bindingOf = ({ caller, route, resource }: List): string =>
  createHash('sha256')
    .update(JSON.stringify([caller.sub, route, resource]))
    .digest('base64url')
    .slice(0, 22);

/** An opaque cursor. It is refused on another route, for another resource, or from another caller. */
export const encodeCursor = (list: List, next: string | undefined): string | null =>
  next === undefined ? null : Buffer.from(JSON.stringify([bindingOf(list), next])).toString('base64url');

/**
 * The page that `query` asks for. Throws `invalid_request` for a cursor of another list. The binding guards against
 * mistakes, not forgery. A forged cursor can only choose the start within the caller's own list, and the list refuses a
 * start outside of it.
 */
export const pageRequestOf = (
  list: List,
  query: { readonly limit: number; readonly cursor?: string | undefined },
): PageRequest => {
  if (query.cursor === undefined) return { limit: query.limit, after: undefined };
  const after = decode(list, query.cursor);
  if (after === undefined) throw invalidCursor();
  return { limit: query.limit, after };
};

const decode = (list: List, cursor: string): string | undefined => {
  try {
    const parsed = contents.safeParse(JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8')));
    if (!parsed.success) return undefined;
    const [binding, after] = parsed.data;
    return binding === bindingOf(list) ? after : undefined;
  } catch {
    return undefined;
  }
};
