import { lambdaRuntime } from '../composition/runtime.ts';
import { watchHandler } from '../composition/watch.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.watch, process.env);

export const handler = watchHandler(environment, lambdaRuntime('watch', environment.STAGE));
