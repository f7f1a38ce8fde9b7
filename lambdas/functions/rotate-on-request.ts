import { rotateOnRequestHandler } from '../composition/rotate-on-request.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS['rotate-on-request'], process.env);

export const handler = rotateOnRequestHandler(
  environment,
  lambdaRuntime('rotate-on-request', environment.STAGE),
);
