import { lambdaRuntime } from '../composition/runtime.ts';
import { sweeperHandler } from '../composition/sweeper.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.sweeper, process.env);

export const handler = sweeperHandler(environment, lambdaRuntime('sweeper', environment.STAGE));
