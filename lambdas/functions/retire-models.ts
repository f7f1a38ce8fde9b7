import { retireModelsHandler } from '../composition/retire-models.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { parseEnvironment, retireModelsEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(retireModelsEnvironment, process.env);

export const handler = retireModelsHandler(environment, lambdaRuntime('retire-models', environment.STAGE));
