import type { AuditFacts } from '../../domain/audit/audit-record.ts';
import { type KeyChange, versionsShreddedBy } from '../../domain/keys/key-lifecycle.ts';
import type { KeyScope } from '../../domain/keys/sealed-key.ts';
import { isLive, type StoredKey } from '../../domain/keys/stored-key.ts';

/** The audit trail's facts about a change: the versions before and after it, and the shredded versions. */
export const keyFacts = (scope: KeyScope, before: StoredKey | undefined, change: KeyChange): AuditFacts => {
  const { currentKey } = change;
  const shredded = versionsShreddedBy(before, change);
  return {
    scope,
    ...(isLive(before) && { version_before: before.sealed.version }),
    ...(isLive(currentKey) && { version: currentKey.sealed.version, masked: currentKey.sealed.masked }),
    ...(shredded.length > 0 && { versions_shredded: shredded.join(',') }),
  };
};
