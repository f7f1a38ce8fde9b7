import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { auditHandler } from './wiring/audit.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.audit, process.env);

export const handler = auditHandler(environment, lambdaWorld('audit', environment.STAGE));
