import { lambdaRuntime } from '../composition/runtime.ts';
import { tokenHandler } from '../composition/token.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.token, process.env);

export const handler = tokenHandler(environment, lambdaRuntime('token', environment.STAGE));
