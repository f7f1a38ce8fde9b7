import { DeliveriesCard } from '../alerts/deliveries-card.tsx';
import { MailCard } from '../alerts/mail-card.tsx';
import { WebhooksCard } from '../alerts/webhooks-card.tsx';
import { Note } from '../ui/states.tsx';
import { Page } from '../ui/surface.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function AlertsPage() {
  const { may } = useWorkspace();
  return (
    <Page
      title="Alerts"
      lead="Who is notified when something needs attention: unusual use, failing keys, budgets, model shutdowns."
    >
      {may('admin') ? (
        <Tabs
          label="Alerts"
          tabs={[
            { id: 'email', title: 'Email', content: () => <MailCard /> },
            { id: 'webhooks', title: 'Webhooks', content: () => <WebhooksCard /> },
            { id: 'deliveries', title: 'Deliveries', content: () => <DeliveriesCard /> },
          ]}
        />
      ) : (
        <Note title="Only admins and owners see the alerts.">
          <p>Ask an owner of this workspace to change your role.</p>
        </Note>
      )}
    </Page>
  );
}
