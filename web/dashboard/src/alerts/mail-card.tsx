import { useState } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { useChange, useRoute } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { Button } from '../ui/button.tsx';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { TextField } from '../ui/field.tsx';
import { FailureNote, Loaded, Note } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useDraft } from '../ui/unsaved.tsx';
import { useWorkspace } from '../workspace.tsx';
import { NoticeChoice } from './notice-choice.tsx';

type MailAlerts = DataOf<'readMailAlerts'>;

/** Alerts by mail: the address, its verification, and the kinds that are mailed. */
export const MailCard = () => {
  const { workspace_id: workspaceId } = useWorkspace();
  const mail = useRoute('readMailAlerts', { path: { workspaceId } });
  return (
    <Card
      title="Email"
      lead="One address for the workspace. It receives alerts once it is verified."
      aside={
        mail.data !== undefined &&
        mail.data.address !== null && (
          <Badge tone={mail.data.verified ? 'good' : 'warn'}>
            {mail.data.verified ? 'Verified' : 'Not verified'}
          </Badge>
        )
      }
    >
      <Loaded query={mail} what="the email alerts">
        {(data) =>
          data.available ? (
            <>
              <Address mail={data} />
              {data.address !== null && !data.verified && <Verify address={data.address} />}
              {data.verified && <Kinds mail={data} />}
            </>
          ) : (
            <Note title="This deployment does not send email.">
              <p>Use a webhook, or ask the operator of this service to set a sender.</p>
            </Note>
          )
        }
      </Loaded>
    </Card>
  );
};

const Address = ({ mail }: { readonly mail: MailAlerts }) => {
  const { workspace_id: workspaceId, may } = useWorkspace();
  const say = useToast();
  const { draft, dirty, set, send, adopt, changedByOthers } = useDraft({ address: mail.address ?? '' });
  const { address } = draft;
  const change = useChange(async (api) => {
    const path = { workspaceId };
    const now = await api.call('readMailAlerts', { path });
    refuseOverwrite(changedByOthers({ address: now.address ?? '' }));
    send();
    const body = { alert_email: address.trim() === '' ? null : address };
    return api.call('changeWorkspace', { path, body });
  });
  if (!may('owner'))
    return <p>{mail.address ?? 'No address is set. An owner of the workspace can set one.'}</p>;
  const fault = change.error instanceof ApiFailure ? change.error.detail('alert_email') : undefined;
  return (
    <form
      style={{ display: 'grid', gap: 12 }}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate(undefined, {
          onSuccess: ({ alert_email }) => {
            adopt({ address: alert_email ?? '' });
            say('The address for alerts is saved.');
          },
        });
      }}
    >
      <TextField
        label="Address for alerts"
        type="email"
        value={address}
        placeholder="none"
        hint="Leave empty for no email. A new address must be verified."
        fault={fault}
        onChange={(event) => set('address', event.target.value)}
      />
      {change.error !== null && fault === undefined && <FailureNote failure={change.error} />}
      <div>
        <Button type="submit" working={change.isPending} disabled={!dirty}>
          Save the address
        </Button>
      </div>
    </form>
  );
};

const Verify = ({ address }: { readonly address: string }) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const [code, setCode] = useState('');
  const send = useChange((api) => api.call('sendMailCode', { path: { workspaceId } }));
  const confirm = useChange(async (api) => {
    await api.call('confirmMail', { path: { workspaceId }, body: { code } });
    say(`${address} is verified.`);
  });
  const fault = confirm.error instanceof ApiFailure ? confirm.error.detail('code') : undefined;
  return (
    <form
      style={{ display: 'grid', gap: 12 }}
      onSubmit={(event) => {
        event.preventDefault();
        confirm.mutate(undefined);
      }}
    >
      <Note tone="warn" title="No alert is mailed yet: this address is not verified.">
        <p>Send a code to {address}, then enter it here. It is valid for 30 minutes.</p>
        <div>
          <Button
            small
            working={send.isPending}
            onClick={() => send.mutate(undefined, { onSuccess: () => say(`A code was sent to ${address}.`) })}
          >
            {send.isSuccess ? 'Send another code' : 'Send a code'}
          </Button>
        </div>
      </Note>
      {send.error !== null && <FailureNote failure={send.error} />}
      <TextField
        label="Code from the email"
        value={code}
        inputMode="numeric"
        autoComplete="one-time-code"
        required
        maxLength={12}
        fault={fault}
        onChange={(event) => setCode(event.target.value)}
      />
      {confirm.error !== null && fault === undefined && <FailureNote failure={confirm.error} />}
      <div>
        <Button type="submit" kind="primary" working={confirm.isPending}>
          Verify
        </Button>
      </div>
    </form>
  );
};

const Kinds = ({ mail }: { readonly mail: MailAlerts }) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const { draft, dirty, set, send, adopt, changedByOthers } = useDraft({ events: mail.events });
  const change = useChange(async (api) => {
    const path = { workspaceId };
    refuseOverwrite(changedByOthers(await api.call('readMailAlerts', { path })));
    return api.call('changeMailAlerts', { path, body: { events: mail.events, ...send() } });
  });
  return (
    <form
      style={{ display: 'grid', gap: 12 }}
      onSubmit={(event) => {
        event.preventDefault();
        change.mutate(undefined, {
          onSuccess: (saved) => {
            adopt(saved);
            say('The email alerts are saved.');
          },
        });
      }}
    >
      <NoticeChoice
        legend="Send an email for"
        chosen={draft.events}
        onChange={(next) => set('events', [...next])}
      />
      {change.error !== null && <FailureNote failure={change.error} />}
      <div>
        <Button type="submit" working={change.isPending} disabled={!dirty}>
          Save the choice
        </Button>
      </div>
    </form>
  );
};
