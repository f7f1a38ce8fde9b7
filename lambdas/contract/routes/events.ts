import type { Routes } from '../route.ts';
import * as sessionSchemas from '../sessions.ts';

/** Routes of the events function. */
export const EVENTS_ROUTES = {
  allowEventsOrigin: {
    method: 'OPTIONS',
    path: '/v1/{siteId}/sessions/{sessionId}/events',
    servedBy: 'events',
    access: 'public',
    summary: 'CORS preflight. Succeeds for an origin that is registered for the site.',
    status: 204,
    refusals: ['invalid_site_id', 'site_not_found', 'origin_not_allowed'],
  },
  reportEvents: {
    method: 'POST',
    path: '/v1/{siteId}/sessions/{sessionId}/events',
    servedBy: 'events',
    access: 'public',
    summary: 'Reports events of a session, signed with its signing secret.',
    query: sessionSchemas.eventsQuery,
    body: sessionSchemas.eventsRequest,
    signed: true,
    status: 200,
    data: sessionSchemas.eventsReceipt,
    refusals: [
      'invalid_site_id',
      'invalid_signature',
      'session_not_found',
      'origin_not_allowed',
      'rate_limited',
    ],
  },
} as const satisfies Routes;
