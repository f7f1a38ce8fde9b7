import { Plus } from 'lucide-react';
import { lazy, Suspense, useRef, useState } from 'react';
import { MAX_WEBHOOKS } from '../../../../lambdas/domain/notices/webhook-limit.ts';
import { useChange, useRoute } from '../api/queries.ts';
import { Actor } from '../members/actor.tsx';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { SecretOnce } from '../ui/secret-once.tsx';
import { Empty, FailureNote, Loaded } from '../ui/states.tsx';
import { Badge, Bullets, Card } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { NOTICES, type Webhook } from './words.ts';

const WebhookDialog = lazy(async () => ({ default: (await import('./webhook-dialog.tsx')).WebhookDialog }));

type Asking =
  | { readonly what: 'add' }
  | { readonly what: 'change' | 'rotate' | 'remove'; readonly webhook: Webhook }
  | { readonly what: 'secret'; readonly secret: string };

/** Signed notices to the customer's own server. */
export const WebhooksCard = () => {
  const { workspace_id: workspaceId } = useWorkspace();
  const [asking, setAsking] = useState<Asking>();
  const webhooks = useRoute('listWebhooks', { path: { workspaceId } });
  const close = (): void => setAsking(undefined);
  const showSecret = (secret: string): void => setAsking({ what: 'secret', secret });
  const add = (
    <Button
      kind="primary"
      disabled={(webhooks.data?.items.length ?? MAX_WEBHOOKS) >= MAX_WEBHOOKS}
      onClick={() => setAsking({ what: 'add' })}
    >
      <Plus aria-hidden="true" />
      Add a webhook
    </Button>
  );
  return (
    <Card
      title="Webhooks"
      lead={`A signed POST to your own server for each notice.${
        (webhooks.data?.items.length ?? 0) >= MAX_WEBHOOKS
          ? ` A workspace has at most ${MAX_WEBHOOKS} webhooks: remove one to add another.`
          : ''
      }`}
      aside={add}
      flush
    >
      <Loaded query={webhooks} what="the webhooks">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No webhooks yet">
              Your server receives each notice at least once, signed by the Standard Webhooks scheme.
            </Empty>
          ) : (
            <WebhookTable webhooks={items} onAsk={setAsking} />
          )
        }
      </Loaded>
      {(asking?.what === 'add' || asking?.what === 'change') && (
        <Suspense>
          <WebhookDialog
            webhook={
              asking.what === 'change'
                ? (webhooks.data?.items.find(({ webhook_id }) => webhook_id === asking.webhook.webhook_id) ??
                  asking.webhook)
                : undefined
            }
            onSecret={showSecret}
            onClose={close}
          />
        </Suspense>
      )}
      {asking?.what === 'rotate' && (
        <RotateDialog webhook={asking.webhook} onSecret={showSecret} onClose={close} />
      )}
      {asking?.what === 'remove' && <RemoveDialog webhook={asking.webhook} onClose={close} />}
      {asking?.what === 'secret' && (
        <SecretOnce title="Signing secret of the webhook" secret={asking.secret} onClose={close}>
          <p>Your server verifies each notice with it. docs/notices.md has the code.</p>
        </SecretOnce>
      )}
    </Card>
  );
};

const WebhookTable = ({
  webhooks,
  onAsk,
}: {
  readonly webhooks: readonly Webhook[];
  readonly onAsk: (asking: Asking) => void;
}) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const pathOf = ({ webhook_id }: Webhook) => ({ workspaceId, webhookId: webhook_id });
  const test = useChange((api, webhook: Webhook) => api.call('testWebhook', { path: pathOf(webhook) }));
  const change = useChange((api, webhook: Webhook) =>
    api.call('changeWebhook', { path: pathOf(webhook), body: { enabled: !webhook.enabled } }),
  );
  const failure = test.error ?? change.error;
  return (
    <>
      {failure !== null && (
        <div style={{ padding: '0 24px 16px' }}>
          <FailureNote failure={failure} />
        </div>
      )}
      <Table
        caption="All webhooks"
        rows={webhooks}
        keyOf={({ webhook_id }) => webhook_id}
        columns={[
          {
            head: 'URL',
            cell: ({ url, enabled, previous_secret_until }) => (
              <>
                <code>{url}</code>
                <div>
                  <Badge tone={enabled ? 'good' : 'neutral'}>{enabled ? 'On' : 'Off'}</Badge>
                </div>
                {previous_secret_until !== null && (
                  <div className={ui['meta']}>
                    Also signed with the previous secret until {formatTime(previous_secret_until)}
                  </div>
                )}
              </>
            ),
          },
          {
            head: 'Notices',
            cell: ({ events }) =>
              events === null ? 'Every kind' : events.map((type) => NOTICES[type]).join(', '),
          },
          {
            head: 'Added',
            cell: ({ created_at, created_by }) => (
              <>
                {formatTime(created_at)}
                <div className={ui['meta']}>
                  by <Actor id={created_by} />
                </div>
              </>
            ),
          },
          {
            head: 'Change',
            cell: (webhook) => (
              <div className={ui['actions']}>
                <Button
                  small
                  aria-label={`Send a test to ${webhook.url}`}
                  disabled={!webhook.enabled}
                  onClick={() =>
                    test.mutate(webhook, {
                      onSuccess: () => say('A test is being sent. Deliveries shows the result.'),
                    })
                  }
                >
                  Send a test
                </Button>
                <Button
                  small
                  aria-label={`Change ${webhook.url}`}
                  onClick={() => onAsk({ what: 'change', webhook })}
                >
                  Change
                </Button>
                <Button
                  small
                  aria-label={`${webhook.enabled ? 'Switch off' : 'Switch on'} ${webhook.url}`}
                  onClick={() =>
                    change.mutate(webhook, {
                      onSuccess: ({ enabled }) => say(`The webhook is ${enabled ? 'on' : 'off'}.`),
                    })
                  }
                >
                  {webhook.enabled ? 'Switch off' : 'Switch on'}
                </Button>
                <Button
                  small
                  aria-label={`New secret for ${webhook.url}`}
                  onClick={() => onAsk({ what: 'rotate', webhook })}
                >
                  New secret
                </Button>
                <Button
                  small
                  kind="dangerQuiet"
                  aria-label={`Remove ${webhook.url}`}
                  onClick={() => onAsk({ what: 'remove', webhook })}
                >
                  Remove
                </Button>
              </div>
            ),
          },
        ]}
      />
    </>
  );
};

const RotateDialog = ({
  webhook,
  onSecret,
  onClose,
}: {
  readonly webhook: Webhook;
  readonly onSecret: (secret: string) => void;
  readonly onClose: () => void;
}) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const secret = useRef<string>(undefined);
  const rotate = useChange((api) =>
    api.call('rotateWebhookSecret', { path: { workspaceId, webhookId: webhook.webhook_id } }),
  );
  return (
    <ConfirmDialog
      title="Replace the signing secret?"
      confirm="Replace the secret"
      act={async () => {
        secret.current = (await rotate.mutateAsync(undefined)).secret;
      }}
      onClose={() => (secret.current === undefined ? onClose() : onSecret(secret.current))}
    >
      <Bullets
        items={[
          'A new secret is shown once.',
          'For 24 hours, each notice carries the signatures of both secrets, so that no notice is lost while you change it.',
          'If the current secret has leaked, stop accepting it on your server.',
        ]}
      />
    </ConfirmDialog>
  );
};

const RemoveDialog = ({ webhook, onClose }: { readonly webhook: Webhook; readonly onClose: () => void }) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  const remove = useChange((api) =>
    api.call('removeWebhook', { path: { workspaceId, webhookId: webhook.webhook_id } }),
  );
  return (
    <ConfirmDialog
      title="Remove this webhook?"
      confirm="Remove the webhook"
      danger
      act={async () => {
        await remove.mutateAsync(undefined);
        say('The webhook is removed.');
      }}
      onClose={onClose}
    >
      <p>
        <code>{webhook.url}</code> receives no further notices, not even those that are waiting.
      </p>
    </ConfirmDialog>
  );
};
