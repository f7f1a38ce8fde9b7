/** The writers of audit events: one partition of the outbox each, for the IAM policies of the stacks. */
export type { EventWriter } from '../domain/audit/event-writers.ts';
