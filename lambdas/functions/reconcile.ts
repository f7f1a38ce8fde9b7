import { eventBridgeIncidents } from '../adapters/aws/anomalies/eventbridge-incidents.ts';
import { reconcileHandler } from '../composition/reconcile.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.reconcile, process.env);

export const handler = reconcileHandler(
  environment,
  lambdaRuntime('reconcile', environment.STAGE),
  eventBridgeIncidents(environment),
);
