import { auditHandler } from '../composition/audit.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.audit, process.env);

export const handler = auditHandler(environment, lambdaRuntime('audit', environment.STAGE));
