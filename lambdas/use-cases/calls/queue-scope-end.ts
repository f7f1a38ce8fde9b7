import type { EndedBy } from '../../domain/calls/call.ts';
import type { EndScope, HangUpQueue } from '../ports/calls.ts';

/**
 * The request is repeated after this many seconds. It then finds the calls of requests that had read the key before it was
 * switched off, and were admitted after the first pass: a function runs for a shorter time.
 */
const SECOND_PASS_SECONDS = 30;

/** Queues the end of a scope's calls, and its second pass. */
export const queueScopeEnd = async (hangUps: HangUpQueue, scope: EndScope, by: EndedBy): Promise<void> => {
  const message = { kind: 'scope', scope, by } as const;
  await Promise.all([hangUps.send(message), hangUps.send(message, SECOND_PASS_SECONDS)]);
};
