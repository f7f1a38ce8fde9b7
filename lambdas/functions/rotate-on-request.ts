import { rotateOnRequestHandler } from '../composition/rotate-on-request.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { parseEnvironment, rotateOnRequestEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(rotateOnRequestEnvironment, process.env);

export const handler = rotateOnRequestHandler(
  environment,
  lambdaRuntime('rotate-on-request', environment.STAGE),
);
