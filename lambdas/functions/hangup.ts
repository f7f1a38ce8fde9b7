import { hangupHandler } from '../composition/hangup.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { hangupEnvironment, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(hangupEnvironment, process.env);

export const handler = hangupHandler(environment, lambdaRuntime('hangup', environment.STAGE));
