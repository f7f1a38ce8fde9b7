import { eventBridgeIncidents } from '../adapters/aws/anomalies/eventbridge-incidents.ts';
import { detectorHandler } from '../composition/detector.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { detectorEnvironment, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(detectorEnvironment, process.env);

export const handler = detectorHandler(
  environment,
  lambdaRuntime('detector', environment.STAGE),
  eventBridgeIncidents(environment),
);
