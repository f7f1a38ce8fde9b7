import { parseEnvironment, sweeperEnvironment } from '../contract/environment.ts';
import { sweeperHandler } from './wiring/sweeper.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(sweeperEnvironment, process.env);

export const handler = sweeperHandler(environment, lambdaWorld('sweeper', environment.STAGE));
