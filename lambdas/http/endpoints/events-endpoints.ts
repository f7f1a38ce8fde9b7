import type * as z from 'zod';
import type { sessionEvent } from '../../contract/sessions.ts';
import { parseEventSignature } from '../../domain/sessions/event-signature.ts';
import { tokenCountsOf } from '../../domain/usage/token-counts.ts';
import type { answerPreflight } from '../../use-cases/sessions/answer-preflight.ts';
import type { recordEvents, WidgetEvent } from '../../use-cases/sessions/record-events.ts';
import type { EndpointsOf } from './endpoint.ts';
import { siteIdIn } from './path-ids.ts';

/** Routes for the reports of widgets. This function cannot reach any customer's key. */
export const eventsEndpoints = (useCases: {
  readonly answerPreflight: ReturnType<typeof answerPreflight>;
  readonly recordReports: ReturnType<typeof recordEvents>;
}): EndpointsOf<'events'> => ({
  allowEventsOrigin: async ({ path, origin, isPreflight, allowOrigin }) => {
    allowOrigin(await useCases.answerPreflight(siteIdIn(path), origin, isPreflight));
    return undefined;
  },
  reportEvents: async ({ path, origin, sourceIp, body, query, headers, rawBody, allowOrigin }) => {
    // A beacon, sent while its page closes, cannot have headers.
    const signature = headers['x-spelo-signature'] ?? query.signature ?? '';
    const { hangUp, endedBy, ...counts } = await useCases.recordReports({
      siteId: siteIdIn(path),
      sessionId: path['sessionId'] ?? '',
      origin,
      sourceIp,
      signature: parseEventSignature(signature),
      rawBody,
      events: body.events.map(eventOf),
      onOriginAllowed: allowOrigin,
    });
    return {
      ...counts,
      action: hangUp === undefined ? 'continue' : 'hang_up',
      reason: hangUp ?? null,
      ended_by: endedBy ?? null,
    };
  },
});

const eventOf = (event: z.output<typeof sessionEvent>): WidgetEvent => {
  const common = { id: event.id, atMs: Date.parse(event.at) };
  switch (event.type) {
    case 'connected':
    case 'heartbeat':
      return { ...common, type: event.type };
    case 'usage':
      // A response without usage shows only that the session is alive.
      if (event.usage === null || event.usage === undefined) return { ...common, type: 'heartbeat' };
      return {
        ...common,
        type: 'usage',
        responseId: event.response_id ?? event.id,
        tokens: tokenCountsOf(event.usage),
      };
    case 'error':
      return { ...common, type: 'error', source: event.source, code: event.code ?? null };
    case 'ended':
      return { ...common, type: 'ended', reason: event.reason };
  }
};
