import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { archiverHandler } from './wiring/archiver.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.archiver, process.env);

export const handler = archiverHandler(environment, lambdaWorld('archiver', environment.STAGE));
