import { useChange, useRoute } from '../api/queries.ts';
import { useAddress, usePages } from '../ui/address.ts';
import { Button } from '../ui/button.tsx';
import { formatExactTime, formatTime } from '../ui/format.ts';
import { FailedPage, Pager } from '../ui/pager.tsx';
import { Segments } from '../ui/segments.tsx';
import { Empty, FailureNote, Loaded } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { type Delivery, FAILURES, noticeName, STATES, type Webhook } from './words.ts';

const SHOWN = { all: 'All', failed: 'Given up only' } as const;

/** The result of each notice in the last 30 days, with those that were given up on, and "Send again". */
export const DeliveriesCard = () => {
  const { workspace_id: workspaceId } = useWorkspace();
  const { get, set } = useAddress();
  const onlyFailed = get('state') === 'failed';
  const { cursors, move } = usePages('page');
  const cursor = cursors.at(-1);
  const webhooks = useRoute('listWebhooks', { path: { workspaceId } });
  const deliveries = useRoute(
    'listDeliveries',
    { path: { workspaceId }, query: { ...(cursor !== undefined && { cursor }) } },
    { refetchInterval: 10_000 },
  );
  return (
    <Card
      title="Deliveries"
      lead="The last 30 days, newest first. Updates every ten seconds."
      aside={
        <Segments
          label="Deliveries shown"
          options={SHOWN}
          value={onlyFailed ? 'failed' : 'all'}
          onChange={(value) => set({ state: value === 'failed' ? 'failed' : '' })}
        />
      }
      flush
    >
      <Loaded query={deliveries} what="the deliveries">
        {({ items, next_cursor }) => {
          const shown = onlyFailed ? items.filter(({ state }) => state === 'failed') : items;
          return (
            <>
              {shown.length === 0 ? (
                <Empty
                  title={
                    onlyFailed
                      ? 'None given up on this page'
                      : cursor === undefined
                        ? 'No deliveries yet'
                        : 'No more deliveries'
                  }
                >
                  {onlyFailed && (cursor === undefined || next_cursor !== null)
                    ? next_cursor === null
                      ? 'Every notice was delivered, or is still waiting.'
                      : 'Older deliveries are on the next page.'
                    : cursor === undefined
                      ? 'Each notice for a webhook or a verified address appears here with its result.'
                      : 'The newer deliveries are on the pages before this one.'}
                </Empty>
              ) : (
                <DeliveryTable deliveries={shown} webhooks={webhooks} />
              )}
              <Pager cursors={cursors} next={next_cursor} onMove={move} />
            </>
          );
        }}
      </Loaded>
      <FailedPage query={deliveries} cursors={cursors} onMove={move} />
    </Card>
  );
};

const DeliveryTable = ({
  deliveries,
  webhooks,
}: {
  readonly deliveries: readonly Delivery[];
  /** `data` is undefined while they load, and if that failed. */
  readonly webhooks: { readonly data: { readonly items: readonly Webhook[] } | undefined };
}) => {
  const { workspace_id: workspaceId } = useWorkspace();
  const say = useToast();
  // Said by the change itself: the row, and this table with it, may be gone once the list is read again.
  const again = useChange(async (api, { delivery_id }: Delivery) => {
    await api.call('sendDeliveryAgain', { path: { workspaceId, deliveryId: delivery_id } });
    say('The notice is being sent again.');
  });
  const targetOf = ({ channel, webhook_id }: Delivery): string => {
    if (channel === 'mail') return 'Email';
    if (webhooks.data === undefined) return `Webhook ${webhook_id}`;
    const webhook = webhooks.data.items.find((one) => one.webhook_id === webhook_id);
    return webhook?.url ?? `A removed webhook, ${webhook_id}`;
  };
  return (
    <>
      {again.error !== null && (
        <div style={{ padding: '0 24px 16px' }}>
          <FailureNote failure={again.error} />
        </div>
      )}
      <Table
        caption="Deliveries, newest first"
        rows={deliveries}
        keyOf={({ delivery_id }) => delivery_id}
        columns={[
          {
            head: 'Notice',
            cell: ({ type, at, notice_id }) => (
              <>
                {noticeName(type)}
                <div className={ui['meta']}>{formatExactTime(at)}</div>
                <div className={ui['meta']}>
                  <span className={ui['mono']}>{notice_id}</span>
                </div>
              </>
            ),
          },
          { head: 'To', cell: (delivery) => <code>{targetOf(delivery)}</code> },
          {
            head: 'Result',
            cell: ({ state, last_failure, last_status, attempts, next_attempt_at }) => (
              <>
                <Badge tone={STATES[state].tone}>{STATES[state].text}</Badge>
                {last_failure !== null && state !== 'delivered' && (
                  <div>
                    {last_status !== null && `Status ${last_status}. `}
                    {FAILURES[last_failure]}
                  </div>
                )}
                <div className={ui['meta']}>
                  {attempts} {attempts === 1 ? 'attempt' : 'attempts'}
                  {next_attempt_at !== null && `, next after ${formatTime(next_attempt_at)}`}
                </div>
              </>
            ),
          },
          {
            head: 'Send again',
            cell: (delivery) => (
              <Button
                small
                aria-label={`Send again: ${noticeName(delivery.type)} of ${formatExactTime(delivery.at)}`}
                onClick={() => again.mutate(delivery)}
              >
                Send again
              </Button>
            ),
          },
        ]}
      />
    </>
  );
};
