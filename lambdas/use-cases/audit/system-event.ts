import type { AuditEvent, AuditEventType, AuditFacts } from '../../domain/audit/audit-record.ts';
import { newEventId, type RandomBytes } from '../../domain/identifiers.ts';

/** An event that no person caused: no address, and an actor of the form `system:<function>`. */
export const systemEvent = (
  { now, random }: { readonly now: Date; readonly random: RandomBytes },
  actor: `system:${string}`,
  type: AuditEventType,
  subject: { readonly workspaceId: string; readonly siteId: string | null; readonly facts: AuditFacts },
): AuditEvent => ({
  eventId: newEventId(now, random),
  workspaceId: subject.workspaceId,
  type,
  at: now.toISOString(),
  actor,
  siteId: subject.siteId,
  sessionId: null,
  ipHash: null,
  facts: subject.facts,
});
