import { manageHandler } from '../composition/manage.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.manage, process.env);

export const handler = manageHandler(environment, lambdaRuntime('manage', environment.STAGE));
