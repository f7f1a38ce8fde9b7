import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { usageHandler } from './wiring/usage.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.usage, process.env);

export const handler = usageHandler(environment, lambdaWorld('usage', environment.STAGE));
