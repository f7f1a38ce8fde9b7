import { lambdaRuntime } from '../composition/runtime.ts';
import { usageHandler } from '../composition/usage.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.usage, process.env);

export const handler = usageHandler(environment, lambdaRuntime('usage', environment.STAGE));
