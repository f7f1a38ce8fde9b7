import {
  isLive,
  isRetained,
  type KeyVersionRecord,
  type KeyVersionState,
  versionState,
} from '../../domain/keys/stored-key.ts';
import type { Caller } from '../../domain/tenancy/workspace.ts';
import type { KeyStore } from '../ports/keys.ts';
import type { Page, PageRequest } from '../ports/pages.ts';
import type { Clock } from '../ports/runtime.ts';
import type { MembershipReader } from '../ports/tenancy.ts';
import { authorizeKeyTarget, type KeyTarget } from './key-target.ts';

export interface ListedVersion extends KeyVersionRecord {
  readonly state: KeyVersionState;
  /** The time until which a rollback can restore it, RFC 3339. */
  readonly retainedUntil: string | null;
}

/** Viewer. The history of a key, newest first. Also removes a retained record whose time has passed. */
export const listKeyVersions =
  (ports: { readonly tenancy: MembershipReader; readonly keys: KeyStore; readonly clock: Clock }) =>
  async (caller: Caller, target: KeyTarget, page: PageRequest): Promise<Page<ListedVersion>> => {
    const { address } = await authorizeKeyTarget(ports.tenancy, caller, target, 'viewer');
    const [currentKey, versions] = await Promise.all([
      ports.keys.readKey(address),
      ports.keys.listVersions(address, page),
    ]);
    const previous = isLive(currentKey) ? currentKey.previousVersion : null;
    const retained = previous === null ? undefined : await ports.keys.readRetained(address, previous);
    const now = ports.clock();
    if (retained !== undefined && !isRetained(retained, now))
      await ports.keys.shredRetained(address, retained);
    return {
      next: versions.next,
      items: versions.items.map((version) => {
        const state = versionState(
          version.version,
          currentKey,
          retained === undefined ? [] : [retained],
          now,
        );
        return {
          ...version,
          state,
          retainedUntil:
            state === 'retained' && retained !== undefined
              ? new Date(retained.retainedUntil * 1_000).toISOString()
              : null,
        };
      }),
    };
  };
