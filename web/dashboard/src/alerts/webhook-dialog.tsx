import { useState } from 'react';
import { ApiFailure } from '../api/failure.ts';
import { useChange } from '../api/queries.ts';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { TextField } from '../ui/field.tsx';
import { FormDialog } from '../ui/form-dialog.tsx';
import { FailureNote } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useDraft } from '../ui/unsaved.tsx';
import { useWorkspace } from '../workspace.tsx';
import { NoticeChoice } from './notice-choice.tsx';
import { NOTICE_IDS, type Webhook } from './words.ts';

type Draft = Pick<Webhook, 'url' | 'events'>;

const draftOf = (webhook: Draft | undefined): Draft => ({
  url: webhook?.url ?? '',
  events: webhook?.events ?? null,
});

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
  const { draft, set, send, changedByOthers } = useDraft(draftOf(webhook), webhook?.webhook_id);
  const { url, events } = draft;
  /** The choice that a person gets back who chooses every kind and then not. */
  const [chosen, setChosen] = useState(webhook?.events ?? NOTICE_IDS);
  const save = useChange(async (api) => {
    if (webhook === undefined) return api.call('createWebhook', { path: { workspaceId }, body: draft });
    const { items } = await api.call('listWebhooks', { path: { workspaceId } });
    const now = items.find(({ webhook_id }) => webhook_id === webhook.webhook_id);
    if (now !== undefined) refuseOverwrite(changedByOthers(draftOf(now)));
    const path = { workspaceId, webhookId: webhook.webhook_id };
    return { secret: undefined, ...(await api.call('changeWebhook', { path, body: send() })) };
  });
  const choose = (next: Draft['events']): void => {
    if (next !== null) setChosen(next);
    set('events', next);
  };
  const detail = (field: string): string | undefined =>
    save.error instanceof ApiFailure ? save.error.detail(field) : undefined;
  return (
    <FormDialog
      title={webhook === undefined ? 'Add a webhook' : 'Change the webhook'}
      submit={webhook === undefined ? 'Add' : 'Save'}
      working={save.isPending}
      onSubmit={() => {
        save.mutate(undefined, {
          onSuccess: ({ secret, url }) => {
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
        onChange={(event) => set('url', event.target.value)}
      />
      <label>
        <input
          type="checkbox"
          checked={events === null}
          onChange={(event) => choose(event.target.checked ? null : chosen)}
        />{' '}
        Send every kind of notice, including kinds that are added later
      </label>
      {events !== null && (
        <NoticeChoice legend="Send a notice for" chosen={events} onChange={(next) => choose([...next])} />
      )}
      {events?.length === 0 && <p>Choose at least one kind.</p>}
      {save.error !== null && detail('url') === undefined && <FailureNote failure={save.error} />}
    </FormDialog>
  );
};
