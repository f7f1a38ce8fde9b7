import { retireModelsHandler } from '../composition/retire-models.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS['retire-models'], process.env);

export const handler = retireModelsHandler(environment, lambdaRuntime('retire-models', environment.STAGE));
