import { projectorHandler } from '../composition/projector.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.projector, process.env);

export const handler = projectorHandler(environment, lambdaRuntime('projector', environment.STAGE));
