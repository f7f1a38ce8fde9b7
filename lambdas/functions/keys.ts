import { keysHandler } from '../composition/keys.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.keys, process.env);

export const handler = keysHandler(environment, lambdaRuntime('keys', environment.STAGE));
