import { ModeCard } from '../billing/mode-card.tsx';
import { PlanCard } from '../billing/plan-card.tsx';
import { SiteKeysCard } from '../billing/site-keys-card.tsx';
import { KeyPanel } from '../key/key-panel.tsx';
import { Page } from '../ui/surface.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function BillingPage() {
  const { workspace_id, has_key } = useWorkspace();
  return (
    <Page title="Billing" lead="Who pays OpenAI, and with which key.">
      <KeyPanel
        place={{ scope: 'workspace', workspaceId: workspace_id }}
        isStored={has_key}
        title="OpenAI key"
        lead="The workspace’s key. Sites without their own key use it."
      />
      <ModeCard />
      <PlanCard />
      <SiteKeysCard />
    </Page>
  );
}
