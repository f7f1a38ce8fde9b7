import { eventBridgeIncidents } from '../adapters/aws/eventbridge-incidents.ts';
import { detectorEnvironment, parseEnvironment } from '../contract/environment.ts';
import { detectorHandler } from './wiring/detector.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(detectorEnvironment, process.env);

export const handler = detectorHandler(
  environment,
  lambdaWorld('detector', environment.STAGE),
  eventBridgeIncidents(environment),
);
