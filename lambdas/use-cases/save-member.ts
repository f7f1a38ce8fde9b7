import { ConflictError } from '../domain/dependency.ts';
import type { WorkspaceId } from '../domain/identifiers.ts';
import { Refusal } from '../domain/refusal.ts';
import type { Caller, Member, Role } from '../domain/workspace.ts';
import { authorizeWorkspace } from './authorize.ts';
import type { Clock, Journal, Tenancy } from './ports.ts';

/** Owner only. Adds a person or changes their role; the last owner stays one (`last_owner`). */
export const saveMember =
  ({
    tenancy,
    journal,
    clock,
  }: {
    readonly tenancy: Tenancy;
    readonly journal: Journal;
    readonly clock: Clock;
  }) =>
  async (caller: Caller, workspaceId: WorkspaceId, sub: string, role: Role): Promise<Member> => {
    const workspace = await authorizeWorkspace(tenancy, caller, workspaceId, 'owner');
    const previous = await tenancy.readMember(workspaceId, sub);
    if (previous?.role === role) return previous;
    if (previous?.role === 'owner' && workspace.ownerCount === 1) throw new Refusal('last_owner');
    const member: Member = {
      workspaceId,
      sub,
      role,
      addedAt: previous?.addedAt ?? clock().toISOString(),
      addedBy: previous?.addedBy ?? caller.sub,
    };
    const event = await journal.event(caller, 'member.saved', {
      workspaceId,
      facts: { sub, role, ...(previous !== undefined && { role_before: previous.role }) },
    });
    await refuseConflict(tenancy.saveMember(member, previous, event));
    return member;
  };

/** Two people changed the same thing at once: one wins, the other is told. */
export const refuseConflict = async <Result>(write: Promise<Result>): Promise<Result> => {
  try {
    return await write;
  } catch (error) {
    throw error instanceof ConflictError ? new Refusal('version_conflict') : error;
  }
};
