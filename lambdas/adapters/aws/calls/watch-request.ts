import * as z from 'zod';
import { isCallId } from '../../../domain/calls/call.ts';
import type { WatchRequest } from '../../../use-cases/ports/calls.ts';
import { sessionId, siteId } from '../ids.ts';

const watchRequest = z.strictObject({
  siteId,
  sessionId,
  callId: z.string().refine(isCallId),
  openedAtMs: z.int(),
  strict: z.boolean(),
  after: z.int().optional(),
});

/** @throws for an event that this product did not send. */
export const watchRequestIn = (event: unknown): WatchRequest => watchRequest.parse(event) as WatchRequest;
