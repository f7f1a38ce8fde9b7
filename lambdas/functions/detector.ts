import { eventBridgeIncidents } from '../adapters/aws/anomalies/eventbridge-incidents.ts';
import { detectorHandler } from '../composition/detector.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.detector, process.env);

export const handler = detectorHandler(
  environment,
  lambdaRuntime('detector', environment.STAGE),
  eventBridgeIncidents(environment),
);
