import { ENVIRONMENTS, parseEnvironment } from '../contract/environment.ts';
import { eventsHandler } from './wiring/events.ts';
import { lambdaWorld } from './wiring/world.ts';

const environment = parseEnvironment(ENVIRONMENTS.events, process.env);

export const handler = eventsHandler(environment, lambdaWorld('events', environment.STAGE));
