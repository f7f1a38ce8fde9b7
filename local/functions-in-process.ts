import type { HttpsPostOptions } from '../lambdas/adapters/webhooks/https-post.ts';
import { archiverHandler } from '../lambdas/composition/archiver.ts';
import { auditHandler } from '../lambdas/composition/audit.ts';
import { detectorHandler } from '../lambdas/composition/detector.ts';
import { eventsHandler } from '../lambdas/composition/events.ts';
import { hangupHandler } from '../lambdas/composition/hangup.ts';
import { heartbeatHandler } from '../lambdas/composition/heartbeat.ts';
import { keysHandler } from '../lambdas/composition/keys.ts';
import { manageHandler } from '../lambdas/composition/manage.ts';
import { noticesHandler } from '../lambdas/composition/notices.ts';
import { projectorHandler } from '../lambdas/composition/projector.ts';
import { reconcileHandler } from '../lambdas/composition/reconcile.ts';
import { retireModelsHandler } from '../lambdas/composition/retire-models.ts';
import { rotateHandler } from '../lambdas/composition/rotate.ts';
import { rotateOnRequestHandler } from '../lambdas/composition/rotate-on-request.ts';
import type { Runtime } from '../lambdas/composition/runtime.ts';
import { sweeperHandler } from '../lambdas/composition/sweeper.ts';
import { tokenHandler } from '../lambdas/composition/token.ts';
import { usageHandler } from '../lambdas/composition/usage.ts';
import { type WatchHandler, watchHandler } from '../lambdas/composition/watch.ts';
import { ENVIRONMENTS, parseEnvironment } from '../lambdas/contract/environment.ts';
import type { FunctionName } from '../lambdas/contract/routes.ts';
import type { TABLES } from '../lambdas/contract/tables.ts';
import { summaryOf } from '../lambdas/domain/anomalies/incident.ts';
import type { HttpHandler } from '../lambdas/http/http-handler.ts';
import type { HangUpHandler } from '../lambdas/streams/hang-ups.ts';
import type { NoticeHandler } from '../lambdas/streams/notice-messages.ts';
import type { StreamHandler } from '../lambdas/streams/stream-handler.ts';
import type { GatewayRoute } from './gateway.ts';
import { type LocalIncidents, localIncidents } from './local-incidents.ts';

type StreamConsumers = Readonly<Partial<Record<keyof typeof TABLES, StreamHandler>>>;

/** Every function of the product, ready to be called. */
export interface LocalFunctions {
  readonly handlers: Readonly<Record<FunctionName, HttpHandler>>;
  /** @default the routes of the contract */
  readonly routes?: readonly GatewayRoute[];
  /** Behind streams: the detector. */
  readonly watching: StreamConsumers;
  /** Behind streams: the projector and the archiver. */
  readonly recording: StreamConsumers;
  readonly incidents: LocalIncidents;
  readonly sweep: () => Promise<void>;
  readonly retireModels: () => Promise<void>;
  readonly reconcile: () => Promise<void>;
  readonly heartbeat: () => Promise<void>;
  /** Behind the queue of calls to hang up. */
  readonly hangUps: HangUpHandler;
  /** Behind asynchronous invocations: watches one call. */
  readonly watch: WatchHandler;
  /** Behind the queue of notices. */
  readonly notices: NoticeHandler;
}

/** Runs from the source, in this process, with the runtime of the caller. */
export const functionsInProcess = (
  variables: Readonly<Record<string, string>>,
  runtime: Runtime,
  onIncident: (summary: string) => void,
  webhooks: HttpsPostOptions = {},
): LocalFunctions => {
  const projector = projectorHandler(parseEnvironment(ENVIRONMENTS.projector, variables), runtime);
  const incidents = localIncidents(
    rotateOnRequestHandler(parseEnvironment(ENVIRONMENTS['rotate-on-request'], variables), runtime),
    (incident) => onIncident(summaryOf(incident)),
  );
  const detector = detectorHandler(parseEnvironment(ENVIRONMENTS.detector, variables), runtime, incidents);
  return {
    handlers: {
      token: tokenHandler(parseEnvironment(ENVIRONMENTS.token, variables), runtime),
      events: eventsHandler(parseEnvironment(ENVIRONMENTS.events, variables), runtime),
      keys: keysHandler(parseEnvironment(ENVIRONMENTS.keys, variables), runtime),
      rotate: rotateHandler(parseEnvironment(ENVIRONMENTS.rotate, variables), runtime),
      audit: auditHandler(parseEnvironment(ENVIRONMENTS.audit, variables), runtime),
      manage: manageHandler(parseEnvironment(ENVIRONMENTS.manage, variables), runtime, webhooks),
      usage: usageHandler(parseEnvironment(ENVIRONMENTS.usage, variables), runtime),
    },
    watching: { sessions: detector, tenancy: detector, keys: detector, usage: detector },
    recording: {
      tenancy: projector,
      keys: projector,
      sessions: projector,
      audit: archiverHandler(parseEnvironment(ENVIRONMENTS.archiver, variables), runtime),
    },
    incidents,
    retireModels: retireModelsHandler(parseEnvironment(ENVIRONMENTS['retire-models'], variables), runtime),
    reconcile: reconcileHandler(parseEnvironment(ENVIRONMENTS.reconcile, variables), runtime, incidents),
    heartbeat: heartbeatHandler(parseEnvironment(ENVIRONMENTS.heartbeat, variables), runtime),
    notices: noticesHandler(parseEnvironment(ENVIRONMENTS.notices, variables), runtime, webhooks),
    hangUps: hangupHandler(parseEnvironment(ENVIRONMENTS.hangup, variables), runtime),
    watch: watchHandler(parseEnvironment(ENVIRONMENTS.watch, variables), runtime),
    sweep: sweeperHandler(parseEnvironment(ENVIRONMENTS.sweeper, variables), runtime),
  };
};
