import { lambdaRuntime } from '../composition/runtime.ts';
import { sweeperHandler } from '../composition/sweeper.ts';
import { parseEnvironment, sweeperEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(sweeperEnvironment, process.env);

export const handler = sweeperHandler(environment, lambdaRuntime('sweeper', environment.STAGE));
