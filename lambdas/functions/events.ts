import { eventsHandler } from '../composition/events.ts';
import { lambdaRuntime } from '../composition/runtime.ts';
import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';

const environment = parseEnvironment(ENVIRONMENTS.events, process.env);

export const handler = eventsHandler(environment, lambdaRuntime('events', environment.STAGE));
