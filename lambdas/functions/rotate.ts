import { rotateHandler } from '../composition/rotate.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.rotate, process.env);

export const handler = rotateHandler(environment, lambdaRuntime('rotate', environment.STAGE));
