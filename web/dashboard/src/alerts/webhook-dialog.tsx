import { useState } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { useChange } from '../api/queries.ts';
import { TextField } from '../ui/field.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { FailureNote } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';
import { NoticeChoice } from './notice-choice.tsx';
import { NOTICE_IDS, type Webhook } from './words.ts';

/** Adds a webhook or changes one. `onSecret` takes the secret of a new one, which is shown once. */
export const WebhookDialog = ({
  webhook,
  onSecret,
  onClose,
}: {
  readonly webhook: Webhook | undefined;
  readonly onSecret: (secret: string) => void;
  readonly onClose: () => void;
}) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const [url, setUrl] = useState(webhook?.url ?? '');
  const [every, setEvery] = useState(webhook === undefined || webhook.events === null);
  const [chosen, setChosen] = useState(webhook?.events ?? NOTICE_IDS);
  const save = useChange(async (api) => {
    const body = { url, events: every ? null : [...chosen] };
    if (webhook === undefined) return api.call('createWebhook', { path: { workspaceId }, body });
    const path = { workspaceId, webhookId: webhook.webhook_id };
    return { secret: undefined, ...(await api.call('changeWebhook', { path, body })) };
  });
  const detail = (field: string): string | undefined =>
    save.error instanceof ApiFailure ? save.error.detail(field) : undefined;
  return (
    <FormDialog
      title={webhook === undefined ? 'Add a webhook' : 'Change the webhook'}
      submit={webhook === undefined ? 'Add' : 'Save'}
      working={save.isPending}
      onSubmit={() => {
        save.mutate(undefined, {
          onSuccess: ({ secret }) => {
            if (secret === undefined) say(`The webhook ${url} is saved.`);
            onClose();
            if (secret !== undefined) onSecret(secret);
          },
        });
      }}
      onClose={onClose}
    >
      <TextField
        label="URL"
        type="url"
        required
        maxLength={1_000}
        placeholder="https://example.com/webhooks/spelo"
        value={url}
        hint="Starts with https:// and has a public address. Redirects are not followed."
        fault={detail('url')}
        onChange={(event) => setUrl(event.target.value)}
      />
      <label>
        <input type="checkbox" checked={every} onChange={(event) => setEvery(event.target.checked)} /> Send
        every kind of notice, including kinds that are added later
      </label>
      {!every && (
        <NoticeChoice legend="Send a notice for" chosen={chosen} onChange={(next) => setChosen([...next])} />
      )}
      {!every && chosen.length === 0 && <p>Choose at least one kind.</p>}
      {save.error !== null && detail('url') === undefined && <FailureNote failure={save.error} />}
    </FormDialog>
  );
};
