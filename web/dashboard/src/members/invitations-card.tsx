import { useQuery } from '@tanstack/react-query';
import { useState } from 'react';
import { ROLES, type Role } from '../../../../lambdas/domain/tenancy/workspace.ts';
import { everyPage } from '../api/every-page.ts';
import { ApiFailure } from '../api/failure.ts';
import { useChange } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import { formatTime } from '../ui/format.ts';
import { SecretOnce } from '../ui/secret-once.tsx';
import { FailureNote, Loaded } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { roleName } from './words.ts';

type Invitation = DataOf<'listInvitations'>['items'][number];

/** Invites people by mail, and lists the invitations that nobody has accepted. */
export const InvitationsCard = () => {
  const { workspace_id: workspaceId } = useWorkspace();
  const { api } = useSession();
  const say = useToast();
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [code, setCode] = useState<string>();
  const invitations = useQuery({
    queryKey: ['invitations', workspaceId],
    queryFn: ({ signal }) =>
      everyPage((query) => api.call('listInvitations', { path: { workspaceId }, query, signal })),
  });
  const invite = useChange((client) =>
    client.call('invitePerson', { path: { workspaceId }, body: { email, role } }),
  );
  const fault = invite.error instanceof ApiFailure ? invite.error.detail('email') : undefined;
  return (
    <Card
      title="Invite a person"
      lead="They become a member when they accept, within seven days. Until then they have no rights."
    >
      <form
        style={{ display: 'grid', gap: 16 }}
        onSubmit={(event) => {
          event.preventDefault();
          invite.mutate(undefined, {
            onSuccess: (sent) => {
              setEmail('');
              if (sent.code === null) say(`The invitation was sent to ${sent.email}.`);
              else setCode(sent.code);
            },
          });
        }}
      >
        <FieldRow>
          <TextField
            label="Email address"
            type="email"
            required
            value={email}
            autoComplete="off"
            fault={fault}
            onChange={(event) => setEmail(event.target.value)}
          />
          <SelectField label="Role" value={role} onChange={(event) => setRole(event.target.value as Role)}>
            {ROLES.map((each) => (
              <option key={each} value={each}>
                {roleName(each)}
              </option>
            ))}
          </SelectField>
        </FieldRow>
        {invite.error !== null && fault === undefined && <FailureNote failure={invite.error} />}
        <div>
          <Button type="submit" kind="primary" working={invite.isPending}>
            Invite
          </Button>
        </div>
      </form>
      <Loaded query={invitations} what="the invitations">
        {(items) => (items.length === 0 ? null : <Pending items={items} />)}
      </Loaded>
      {code !== undefined && (
        <SecretOnce title="Code of the invitation" secret={code} onClose={() => setCode(undefined)}>
          <p>
            This deployment does not send email. Give the code to the person yourself. They sign in and choose
            “Accept an invitation”.
          </p>
        </SecretOnce>
      )}
    </Card>
  );
};

const Pending = ({ items }: { readonly items: readonly Invitation[] }) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  // Shown by the change itself, because the row disappears when the list is read again.
  const withdraw = useChange(async (api, { invitation_id, email, sub }: Invitation) => {
    await api.call('removeInvitation', { path: { workspaceId, invitationId: invitation_id } });
    say(`The invitation for ${email ?? sub} is withdrawn.`);
  });
  return (
    <>
      {withdraw.error !== null && <FailureNote failure={withdraw.error} />}
      <Table
        caption="Invitations that are not accepted"
        rows={items}
        keyOf={({ invitation_id }) => invitation_id}
        columns={[
          {
            head: 'Person',
            cell: ({ email, sub, invitation_id }) =>
              email ?? (
                <>
                  <span className={ui['mono']}>{sub}</span>
                  <div className={ui['meta']}>Code: {invitation_id}</div>
                </>
              ),
          },
          { head: 'Role', cell: ({ role }) => roleName(role) },
          {
            head: 'Valid until',
            cell: ({ expires_at, expired }) =>
              expired ? <Badge tone="warn">Expired</Badge> : formatTime(expires_at),
          },
          {
            head: 'Withdraw',
            cell: (invitation) => (
              <Button
                small
                kind="dangerQuiet"
                aria-label={`Withdraw the invitation of ${invitation.email ?? invitation.sub}`}
                onClick={() => withdraw.mutate(invitation)}
              >
                Withdraw
              </Button>
            ),
          },
        ]}
      />
    </>
  );
};
