import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { manageHandler } from './wiring/manage.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.manage, process.env);

export const handler = manageHandler(environment, lambdaWorld('manage', environment.STAGE));
