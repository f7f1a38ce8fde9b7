import { archiverHandler } from '../composition/archiver.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.archiver, process.env);

export const handler = archiverHandler(environment, lambdaRuntime('archiver', environment.STAGE));
