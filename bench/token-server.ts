import { randomUUID } from 'node:crypto';
import { lambdaRuntime } from '../lambdas/composition/runtime.ts';
import { tokenHandler } from '../lambdas/composition/token.ts';
import { ENVIRONMENTS, parseEnvironment } from '../lambdas/contract/environment.ts';
import { startTokenGateway } from './token-gateway.ts';

/**
 * The token function, composed as at Lambda with its logs and metrics, behind the local gateway and in a separate
 * process.
 */

const environment = parseEnvironment(ENVIRONMENTS.token, process.env);
const handler = tokenHandler(environment, lambdaRuntime('token', environment.STAGE));
const gateway = await startTokenGateway(handler, randomUUID);
process.send?.({ url: gateway.url });
