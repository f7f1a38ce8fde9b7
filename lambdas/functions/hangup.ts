import { hangupHandler } from '../composition/hangup.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.hangup, process.env);

export const handler = hangupHandler(environment, lambdaRuntime('hangup', environment.STAGE));
