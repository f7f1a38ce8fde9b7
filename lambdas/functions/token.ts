import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { tokenHandler } from './wiring/token.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.token, process.env);

export const handler = tokenHandler(environment, lambdaWorld('token', environment.STAGE));
