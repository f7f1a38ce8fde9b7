import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { projectorHandler } from './wiring/projector.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.projector, process.env);

export const handler = projectorHandler(environment, lambdaWorld('projector', environment.STAGE));
