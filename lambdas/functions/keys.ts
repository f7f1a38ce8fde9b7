import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { keysHandler } from './wiring/keys.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.keys, process.env);

export const handler = keysHandler(environment, lambdaWorld('keys', environment.STAGE));
