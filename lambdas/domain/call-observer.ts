import type { Dependency } from './dependency.ts';

/** How a call ended. A condition that did not hold is an answer. */
export type CallOutcome = 'answered' | 'throttled' | 'failed';

/** Is told of each call to a service as it starts; what it returns is told how the call ended. */
export interface CallObserver {
  startCall(service: Dependency | 'openai', operation: string): (outcome: CallOutcome) => void;
}
