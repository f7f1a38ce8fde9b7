import { parseEnvironment, rotateOnRequestEnvironment } from '../contract/environment.ts';
import { rotateOnRequestHandler } from './wiring/rotate-on-request.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(rotateOnRequestEnvironment, process.env);

export const handler = rotateOnRequestHandler(
  environment,
  lambdaWorld('rotate-on-request', environment.STAGE),
);
