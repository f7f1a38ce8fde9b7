/** Who writes audit events: the partitions of the outbox, for the roles of the stacks. */
export type { EventWriter } from '../domain/audit/event-writers.ts';
