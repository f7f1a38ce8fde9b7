import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { rotateHandler } from './wiring/rotate.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.rotate, process.env);

export const handler = rotateHandler(environment, lambdaWorld('rotate', environment.STAGE));
