import type { WorkspaceId } from '../domain/identifiers.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Caller } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { Journal, Tenancy } from './ports.ts';
import { refuseConflict } from './save-member.ts';

/** Owner only. The person is refused from their next request on; the last owner cannot be removed (`last_owner`). */
export const removeMember =
  ({ tenancy, journal }: { readonly tenancy: Tenancy; readonly journal: Journal }) =>
  async (caller: Caller, workspaceId: WorkspaceId, sub: string): Promise<void> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const member = await tenancy.readMember(workspaceId, sub);
    if (member === undefined) throw new Refusal('member_not_found');
    if (member.role === 'owner' && workspace.ownerCount === 1) throw new Refusal('last_owner');
    const event = await journal.event(caller, 'member.removed', {
      workspaceId,
      facts: { sub, role_before: member.role },
    });
    await refuseConflict(tenancy.removeMember(member, event));
  };
