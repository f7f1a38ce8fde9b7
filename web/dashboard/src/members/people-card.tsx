import { useId, useState } from 'react';
import { ROLES, type Role } from '../../../../lambdas/domain/tenancy/workspace.ts';
import { type Member, useChange, useMembers } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { Loaded } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { Actor } from './actor.tsx';
import { isLastOwner, personName, RIGHTS, roleName } from './words.ts';

type Asking =
  | { readonly what: 'remove'; readonly member: Member }
  | { readonly what: 'role'; readonly member: Member; readonly role: Role };

/** The members, by name and address. A change of a role is confirmed first: it counts at once. */
export const PeopleCard = () => {
  const { workspace_id } = useWorkspace();
  const { person } = useSession();
  const members = useMembers(workspace_id);
  const [asking, setAsking] = useState<Asking>();
  const reason = useId();
  return (
    <Card title="People" flush>
      <Loaded query={members} what="the members">
        {(items) => (
          <Table
            caption="Members"
            rows={items}
            keyOf={({ sub }) => sub}
            columns={[
              {
                head: 'Person',
                cell: (member) => (
                  <>
                    <strong>{personName(member)}</strong>
                    {member.name !== null && member.email !== null && (
                      <div className={ui['meta']}>{member.email}</div>
                    )}
                    {personName(member) !== member.sub && (
                      <div className={ui['meta']}>
                        <span className={ui['mono']}>{member.sub}</span>
                      </div>
                    )}
                    {member.sub === person.sub && <div className={ui['meta']}>That is you.</div>}
                    {isLastOwner(member, items) && (
                      <div className={ui['meta']} id={reason}>
                        The only owner. To change this role or remove the person, make another member an owner
                        first.
                      </div>
                    )}
                  </>
                ),
              },
              {
                head: 'Role',
                cell: (member) => (
                  <select
                    className={ui['input']}
                    style={{ minWidth: 120 }}
                    aria-label={`Role of ${personName(member)}`}
                    value={member.role}
                    disabled={isLastOwner(member, items)}
                    aria-describedby={isLastOwner(member, items) ? reason : undefined}
                    onChange={(event) =>
                      setAsking({ what: 'role', member, role: event.target.value as Role })
                    }
                  >
                    {ROLES.map((each) => (
                      <option key={each} value={each}>
                        {roleName(each)}
                      </option>
                    ))}
                  </select>
                ),
              },
              {
                head: 'Added',
                cell: ({ added_at, added_by }) => (
                  <>
                    {formatTime(added_at)}
                    <div className={ui['meta']}>
                      by <Actor id={added_by} />
                    </div>
                  </>
                ),
              },
              {
                head: 'Remove',
                cell: (member) => (
                  <Button
                    small
                    kind="dangerQuiet"
                    aria-label={`Remove ${personName(member)}`}
                    disabled={isLastOwner(member, items)}
                    aria-describedby={isLastOwner(member, items) ? reason : undefined}
                    onClick={() => setAsking({ what: 'remove', member })}
                  >
                    Remove
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      {asking?.what === 'remove' && (
        <RemoveDialog member={asking.member} onClose={() => setAsking(undefined)} />
      )}
      {asking?.what === 'role' && (
        <RoleDialog member={asking.member} role={asking.role} onClose={() => setAsking(undefined)} />
      )}
    </Card>
  );
};

const RoleDialog = ({
  member,
  role,
  onClose,
}: {
  readonly member: Member;
  readonly role: Role;
  readonly onClose: () => void;
}) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const name = personName(member);
  const save = useChange((api) =>
    api.call('putMember', { path: { workspaceId, sub: member.sub }, body: { role } }),
  );
  return (
    <ConfirmDialog
      title={`Make ${name} ${role === 'viewer' ? 'a viewer' : `an ${role}`}?`}
      confirm="Change the role"
      act={async () => {
        await save.mutateAsync(undefined);
        say(`${name} is ${role} now.`);
      }}
      onClose={onClose}
    >
      <p>{RIGHTS[role]} The change applies to their next request.</p>
    </ConfirmDialog>
  );
};

const RemoveDialog = ({ member, onClose }: { readonly member: Member; readonly onClose: () => void }) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const name = personName(member);
  const remove = useChange((api) => api.call('removeMember', { path: { workspaceId, sub: member.sub } }));
  return (
    <ConfirmDialog
      title="Remove this person?"
      confirm="Remove"
      danger
      act={async () => {
        await remove.mutateAsync(undefined);
        say(`${name} is removed.`);
      }}
      onClose={onClose}
    >
      <p>
        {name} <span className={ui['mono']}>({member.sub})</span> loses access at the next request. Their
        earlier changes are not undone.
      </p>
    </ConfirmDialog>
  );
};
