import {
  detectorEnvironment,
  ENVIRONMENTS,
  parseEnvironment,
  rotateOnRequestEnvironment,
  sweeperEnvironment,
} from '../lambdas/contract/environment.ts';
import type { FunctionName } from '../lambdas/contract/routes.ts';
import type { TABLES } from '../lambdas/contract/tables.ts';
import { summaryOf } from '../lambdas/domain/incident.ts';
import { archiverHandler } from '../lambdas/functions/wiring/archiver.ts';
import { auditHandler } from '../lambdas/functions/wiring/audit.ts';
import { detectorHandler } from '../lambdas/functions/wiring/detector.ts';
import { eventsHandler } from '../lambdas/functions/wiring/events.ts';
import { keysHandler } from '../lambdas/functions/wiring/keys.ts';
import { manageHandler } from '../lambdas/functions/wiring/manage.ts';
import { projectorHandler } from '../lambdas/functions/wiring/projector.ts';
import { rotateHandler } from '../lambdas/functions/wiring/rotate.ts';
import { rotateOnRequestHandler } from '../lambdas/functions/wiring/rotate-on-request.ts';
import { sweeperHandler } from '../lambdas/functions/wiring/sweeper.ts';
import { tokenHandler } from '../lambdas/functions/wiring/token.ts';
import { usageHandler } from '../lambdas/functions/wiring/usage.ts';
import type { World } from '../lambdas/functions/wiring/world.ts';
import type { HttpHandler } from '../lambdas/http/handler.ts';
import type { StreamHandler } from '../lambdas/streams/audit-projector.ts';
import type { GatewayRoute } from './gateway.ts';
import { type LocalIncidents, localIncidents } from './local-incidents.ts';

type StreamConsumers = Readonly<Partial<Record<keyof typeof TABLES, StreamHandler>>>;

/** Every function of the product, ready to be called. */
export interface LocalFunctions {
  readonly handlers: Readonly<Record<FunctionName, HttpHandler>>;
  /** Those of the contract unless told. */
  readonly routes?: readonly GatewayRoute[];
  /** Behind streams: the detector. */
  readonly watching: StreamConsumers;
  /** Behind streams: the projector and the archiver. */
  readonly recording: StreamConsumers;
  readonly incidents: LocalIncidents;
  readonly sweep: () => Promise<void>;
}

/** From the source, in this process, with the world of the caller. */
export const functionsInProcess = (
  variables: Readonly<Record<string, string>>,
  world: World,
  onIncident: (summary: string) => void,
): LocalFunctions => {
  const projector = projectorHandler(parseEnvironment(ENVIRONMENTS.projector, variables), world);
  const incidents = localIncidents(
    rotateOnRequestHandler(parseEnvironment(rotateOnRequestEnvironment, variables), world),
    (incident) => onIncident(summaryOf(incident)),
  );
  const detector = detectorHandler(parseEnvironment(detectorEnvironment, variables), world, incidents);
  return {
    handlers: {
      token: tokenHandler(parseEnvironment(ENVIRONMENTS.token, variables), world),
      events: eventsHandler(parseEnvironment(ENVIRONMENTS.events, variables), world),
      keys: keysHandler(parseEnvironment(ENVIRONMENTS.keys, variables), world),
      rotate: rotateHandler(parseEnvironment(ENVIRONMENTS.rotate, variables), world),
      audit: auditHandler(parseEnvironment(ENVIRONMENTS.audit, variables), world),
      manage: manageHandler(parseEnvironment(ENVIRONMENTS.manage, variables), world),
      usage: usageHandler(parseEnvironment(ENVIRONMENTS.usage, variables), world),
    },
    watching: { sessions: detector, tenancy: detector },
    recording: {
      tenancy: projector,
      keys: projector,
      sessions: projector,
      audit: archiverHandler(parseEnvironment(ENVIRONMENTS.archiver, variables), world),
    },
    incidents,
    sweep: sweeperHandler(parseEnvironment(sweeperEnvironment, variables), world),
  };
};
