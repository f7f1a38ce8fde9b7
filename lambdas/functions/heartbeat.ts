import { heartbeatHandler } from '../composition/heartbeat.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.heartbeat, process.env);

export const handler = heartbeatHandler(environment, lambdaRuntime('heartbeat', environment.STAGE));
