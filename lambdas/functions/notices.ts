import { noticesHandler } from '../composition/notices.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.notices, process.env);

export const handler = noticesHandler(environment, lambdaRuntime('notices', environment.STAGE));
