import { randomUUID } from 'node:crypto';
import { ENVIRONMENTS, parseEnvironment } from '../lambdas/contract/environment.ts';
import { tokenHandler } from '../lambdas/functions/wiring/token.ts';
import { lambdaWorld } from '../lambdas/functions/wiring/world.ts';
import { startTokenGateway } from './token-gateway.ts';

/**
 * The token function, as it is wired at Lambda with its logs and metrics, behind the local gateway and in a process of
 * its own.
 */

const environment = parseEnvironment(ENVIRONMENTS.token, process.env);
const handler = tokenHandler(environment, lambdaWorld('token', environment.STAGE));
const gateway = await startTokenGateway(handler, randomUUID);
process.send?.({ url: gateway.url });
