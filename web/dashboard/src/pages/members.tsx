import { useState } from 'react';
import { ROLES, type Role } from '../../../../lambdas/domain/tenancy/workspace.ts';
import { ApiFailure } from '../api/failure.ts';
import { type Member, useChange, useMembers } from '../api/queries.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { formatTime } from '../ui/format.ts';
import { FailureNote, Loaded, Note } from '../ui/states.tsx';
import { Card, Page } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';

const RIGHTS: Readonly<Record<Role, string>> = {
  viewer: 'Sees sites, usage and the masked key. Changes nothing.',
  admin: 'Also changes sites and keys: store, test, rotate, suspend, delete.',
  owner:
    'Also manages members, billing mode and settings, sees the audit trail, and can delete the workspace.',
};
const nameOf = (role: Role): string => role.charAt(0).toUpperCase() + role.slice(1);

export default function MembersPage() {
  const { may } = useWorkspace();
  return (
    <Page title="Members" lead="Who may do what in this workspace. Changes apply to a person’s next request.">
      {may('owner') ? (
        <>
          <Members />
          <AddMember />
        </>
      ) : (
        <Note title="Only owners see the members.">
          <p>Ask an owner of this workspace to change a person’s role.</p>
        </Note>
      )}
      <Card title="Roles" flush>
        <Table
          caption="What each role may do"
          rows={[...ROLES].reverse()}
          keyOf={(role) => role}
          columns={[
            { head: 'Role', cell: nameOf },
            { head: 'May', cell: (role) => RIGHTS[role] },
          ]}
        />
      </Card>
    </Page>
  );
}

const useSaveMember = () => {
  const { workspace_id } = useWorkspace();
  return useChange((api, { sub, role }: { readonly sub: string; readonly role: Role }) =>
    api.call('putMember', { path: { workspaceId: workspace_id, sub }, body: { role } }),
  );
};

const Members = () => {
  const { workspace_id } = useWorkspace();
  const { person } = useSession();
  const say = useToast();
  const members = useMembers(workspace_id);
  const save = useSaveMember();
  const remove = useChange((api, sub: string) =>
    api.call('removeMember', { path: { workspaceId: workspace_id, sub } }),
  );
  const [removing, setRemoving] = useState<Member>();
  return (
    <Card title="People" flush>
      {save.error !== null && (
        <div style={{ padding: '0 24px 16px' }}>
          <FailureNote failure={save.error} />
        </div>
      )}
      <Loaded query={members} what="the members">
        {(items) => (
          <Table
            caption="Members"
            rows={items}
            keyOf={({ sub }) => sub}
            columns={[
              {
                head: 'Person',
                cell: ({ sub }) => (
                  <>
                    <span className={ui['mono']}>{sub}</span>
                    {sub === person.sub && <div className={ui['meta']}>That is you.</div>}
                  </>
                ),
              },
              {
                head: 'Role',
                cell: ({ sub, role }) => (
                  <select
                    className={ui['input']}
                    style={{ minWidth: 120 }}
                    aria-label={`Role of ${sub}`}
                    value={role}
                    onChange={(event) =>
                      save.mutate(
                        { sub, role: event.target.value as Role },
                        { onSuccess: () => say(`${sub} is ${event.target.value} now.`) },
                      )
                    }
                  >
                    {ROLES.map((each) => (
                      <option key={each} value={each}>
                        {nameOf(each)}
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
                    <div className={ui['meta']}>by {added_by}</div>
                  </>
                ),
              },
              {
                head: 'Remove',
                cell: (member) => (
                  <Button
                    small
                    kind="dangerQuiet"
                    aria-label={`Remove ${member.sub}`}
                    onClick={() => setRemoving(member)}
                  >
                    Remove
                  </Button>
                ),
              },
            ]}
          />
        )}
      </Loaded>
      {removing !== undefined && (
        <ConfirmDialog
          title="Remove this person?"
          confirm="Remove"
          danger
          act={async () => {
            await remove.mutateAsync(removing.sub);
            say(`${removing.sub} is removed.`);
          }}
          onClose={() => setRemoving(undefined)}
        >
          <p>
            <span className={ui['mono']}>{removing.sub}</span> loses access from the next request. Their
            earlier changes are not undone.
          </p>
        </ConfirmDialog>
      )}
    </Card>
  );
};

const AddMember = () => {
  const say = useToast();
  const save = useSaveMember();
  const [sub, setSub] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  return (
    <Card
      title="Add somebody"
      lead="People are known by the “sub” that your sign-in service gives them. A person sees theirs at the bottom left of this dashboard."
    >
      <form
        style={{ display: 'grid', gap: 16 }}
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate(
            { sub: sub.trim(), role },
            {
              onSuccess: () => {
                say(`${sub.trim()} is added as ${role}.`);
                setSub('');
              },
            },
          );
        }}
      >
        <FieldRow>
          <TextField
            label="Sub of the person"
            value={sub}
            required
            maxLength={256}
            autoComplete="off"
            spellCheck={false}
            fault={save.error instanceof ApiFailure ? save.error.detail('sub') : undefined}
            onChange={(event) => setSub(event.target.value)}
          />
          <SelectField label="Role" value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {ROLES.map((each) => (
              <option key={each} value={each}>
                {nameOf(each)}
              </option>
            ))}
          </SelectField>
        </FieldRow>
        {save.error !== null && <FailureNote failure={save.error} />}
        <div>
          <Button type="submit" kind="primary" working={save.isPending}>
            Add
          </Button>
        </div>
      </form>
    </Card>
  );
};
