/**
 * Ports of the use cases, one file per capability. Every change that a person can see takes its audit event and stores
 * both atomically. Unless a port says otherwise, reads are strongly consistent and every method throws
 * DependencyUnavailableError when the service behind it fails.
 */

/** The current time. Injected, so that tests can change it. */
export type Clock = () => Date;

/** Waits for this many milliseconds of real time. */
export type Pause = (ms: number) => Promise<void>;

/** Waits before a write is repeated after a conflict; `attempt` is the failed one, from 1. */
export type BackOff = (attempt: number) => Promise<void>;
