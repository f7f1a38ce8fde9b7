import { EventBridgeClient, PutEventsCommand } from '@aws-sdk/client-eventbridge';
import { EVENT_SOURCE, EVENTS } from '../../../contract/events.ts';
import { summaryOf } from '../../../domain/anomalies/incident.ts';
import { tamperingSummary } from '../../../domain/anomalies/tampering.ts';
import { differenceSummary } from '../../../domain/audit/checkpoint.ts';
import { DependencyUnavailableError } from '../../../domain/dependency.ts';
import type { SiteNotice } from '../../../domain/notices/site-notice.ts';
import type { IncidentAnnouncer, TamperingAnnouncer } from '../../../use-cases/ports/anomalies.ts';
import type { DifferenceAnnouncer } from '../../../use-cases/ports/audit.ts';
import type { RotationRequests } from '../../../use-cases/ports/keys.ts';
import type { NoticeAnnouncer } from '../../../use-cases/ports/usage.ts';
import { callAws, callLimits } from '../aws-calls.ts';
import { detailOfRotation } from './rotation-event.ts';

const EVENT_OF_NOTICE = {
  model_retiring: EVENTS.modelRetiring,
  model_moved: EVENTS.modelMoved,
  budget_reached: EVENTS.budgetThresholdReached,
} as const satisfies Readonly<Record<SiteNotice['kind'], string>>;

/**
 * Incidents and rotation requests as events on a bus. Rules decide who is notified (a mail topic, a chat, a pager) and
 * what re-encrypts. Ids, counts and one sentence; no fingerprint, no address of a visitor.
 */
export const eventBridgeIncidents = (environment: {
  readonly AWS_REGION: string;
  readonly EVENT_BUS_NAME: string;
  readonly AWS_ENDPOINT_URL_EVENTBRIDGE?: string | undefined;
}): IncidentAnnouncer & TamperingAnnouncer & DifferenceAnnouncer & NoticeAnnouncer & RotationRequests => {
  const { AWS_REGION: region, EVENT_BUS_NAME: EventBusName } = environment;
  const endpoint = environment.AWS_ENDPOINT_URL_EVENTBRIDGE;
  const client = new EventBridgeClient({
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...callLimits(),
  });
  const put = async (DetailType: string, detail: Readonly<Record<string, unknown>>): Promise<void> => {
    const { Entries = [], FailedEntryCount } = await callAws('eventbridge', 'PutEvents', () =>
      client.send(
        new PutEventsCommand({
          Entries: [{ EventBusName, Source: EVENT_SOURCE, DetailType, Detail: JSON.stringify(detail) }],
        }),
      ),
    );
    // PutEvents answers 200 even when it took nothing.
    if (FailedEntryCount !== 0)
      throw new DependencyUnavailableError('eventbridge', 'PutEvents', Entries[0]?.ErrorCode ?? 'Unknown');
  };
  return {
    announce: (incident) =>
      put(EVENTS.anomalyDetected, {
        incident_id: incident.incidentId,
        workspace_id: incident.workspaceId,
        site_id: incident.siteId,
        kind: incident.kind,
        at: incident.at,
        observed: incident.observed,
        expected: incident.expected,
        threshold: incident.threshold,
        window_seconds: incident.windowSeconds,
        response: incident.response,
        keys: incident.keys.map(({ scope, scopeId, version }) => ({ scope, scope_id: scopeId, version })),
        summary: summaryOf(incident),
      }),
    announceTampering: (found) =>
      put(EVENTS.tamperingDetected, {
        incident_id: found.incidentId,
        workspace_id: found.workspaceId,
        site_id: found.siteId,
        kind: found.kind,
        subject: found.subject,
        at: found.at,
        summary: tamperingSummary(found),
      }),
    announceDifference: ({ at, counts }) =>
      put(EVENTS.recordsDiffer, { at, counts, summary: differenceSummary(counts) }),
    announceNotice: (notice) =>
      'kind' in notice
        ? put(EVENT_OF_NOTICE[notice.kind], {
            notice_id: notice.noticeId,
            workspace_id: notice.workspaceId,
            site_id: notice.siteId,
            at: notice.at,
            ...notice.facts,
          })
        : put(EVENTS.planThresholdReached, {
            notice_id: notice.noticeId,
            workspace_id: notice.workspaceId,
            at: notice.at,
            percent: notice.percent,
            period: notice.period,
            plan: notice.plan,
          }),
    request: (request) => put(EVENTS.rotationRequested, detailOfRotation(request)),
  };
};
