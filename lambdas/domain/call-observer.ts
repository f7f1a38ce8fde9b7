import type { Dependency } from './dependency.ts';

/** How a call ended. A failed condition counts as answered. */
export type CallOutcome = 'answered' | 'throttled' | 'failed';

/** Observes outgoing calls. `startCall` runs when a call begins and returns a callback for its outcome. */
export interface CallObserver {
  startCall(service: Dependency | 'openai', operation: string): (outcome: CallOutcome) => void;
}
