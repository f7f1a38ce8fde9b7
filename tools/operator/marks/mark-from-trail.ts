import { ConflictError } from '../../../lambdas/domain/dependency.ts';
import type { SiteId } from '../../../lambdas/domain/identifiers.ts';
import type { KeyAddress, StoredKey } from '../../../lambdas/domain/keys/stored-key.ts';
import type { Caller } from '../../../lambdas/domain/tenancy/workspace.ts';
import type { AuditEventFactory } from '../../../lambdas/use-cases/ports/audit.ts';
import type { MarkWriter } from '../../../lambdas/use-cases/ports/keys.ts';
import { type KeyHistory, type KeyTrail, placeOf } from '../deletions/key-trail.ts';

export interface MarkPorts {
  readonly marks: MarkWriter;
  readonly auditEvents: AuditEventFactory;
}

/**
 * `marked`: already has its mark. `mark`: equals the trail, so its mark is written. `differs`: does not equal the trail, and
 * stays refused. `unknown`: is not in the trail. `changed`: changed during the run.
 */
export type MarkOutcome = 'marked' | 'mark' | 'differs' | 'unknown' | 'changed';

/** Each outcome for an operator, after the name of the key. */
export const MARK_MEANINGS: Readonly<Record<Exclude<MarkOutcome, 'marked'>, string>> = {
  mark: 'equals the trail: mark',
  differs: 'is not in the state that the trail gives; left without a mark, so it stays refused',
  unknown: 'is not on the trail; left without a mark, so it stays refused',
  changed: 'was changed meanwhile; run it again',
};

export interface MarkReport {
  readonly place: string;
  readonly outcome: MarkOutcome;
}

/**
 * Writes the mark of every key in the live table whose state equals its latest state in the archived audit trail. Any other
 * key stays without a mark and therefore refused. Each mark is written together with its audit event, on the condition that
 * the key is still the one that was read. Idempotent.
 */
export const markFromTrail =
  ({ marks, auditEvents }: MarkPorts) =>
  async (caller: Caller, { histories }: KeyTrail, apply: boolean): Promise<readonly MarkReport[]> => {
    const reports: MarkReport[] = [];
    for (let after: string | undefined; ; ) {
      const { items, next } = await marks.listKeys(after);
      for (const { address, key } of items) {
        const event = () =>
          auditEvents.event(caller, 'key.marked', {
            workspaceId: address.workspaceId,
            ...(address.scope === 'site' && { siteId: address.scopeId as SiteId }),
            facts: {
              scope: address.scope,
              revision: key.revision,
              ...(key.state !== 'deleted' && { version: key.sealed.version }),
            },
          });
        const history = histories.get(placeOf(address));
        const outcome = await takeKey(marks, address, key, history, apply, event);
        reports.push({ place: placeOf(address), outcome });
      }
      if (next === undefined) return reports;
      after = next;
    }
  };

const takeKey = async (
  marks: MarkWriter,
  address: KeyAddress,
  key: StoredKey,
  history: KeyHistory | undefined,
  apply: boolean,
  event: () => ReturnType<AuditEventFactory['event']>,
): Promise<MarkOutcome> => {
  if (await marks.isMarked(address, key)) return 'marked';
  if (history === undefined) return 'unknown';
  if (!equalsTrail(key, history)) return 'differs';
  if (!apply) return 'mark';
  try {
    await marks.writeMark(address, key, await event());
    return 'mark';
  } catch (error) {
    if (error instanceof ConflictError) return 'changed';
    throw error;
  }
};

/**
 * An active key must be the one in the trail. A suspended key mints nothing, so its owner can decide, unless the trail says
 * that it was deleted. A tombstone only needs a version counter that is high enough.
 */
const equalsTrail = (key: StoredKey, history: KeyHistory): boolean => {
  if (key.revision <= 0 || key.lastVersion < history.lastVersion) return false;
  if (key.state === 'deleted') return true;
  const { version } = key.sealed;
  if (key.state === 'suspended') return version > history.deletedUpTo;
  return version === history.current && !history.suspended;
};
