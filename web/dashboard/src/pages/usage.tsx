import { LiveSessions } from '../calls/live-sessions.tsx';
import { Page } from '../ui/surface.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { Concurrency } from '../usage/concurrency.tsx';
import { Errors } from '../usage/errors.tsx';
import { UsageOverview } from '../usage/overview.tsx';
import { Sessions } from '../usage/sessions.tsx';

export default function UsagePage() {
  return (
    <Page title="Usage" lead="Minutes, sessions and cost, down to each conversation.">
      <Tabs
        label="Usage"
        tabs={[
          { id: 'overview', title: 'Overview', content: () => <UsageOverview /> },
          { id: 'live', title: 'Live', content: () => <LiveSessions /> },
          { id: 'sessions', title: 'Sessions', content: () => <Sessions /> },
          { id: 'errors', title: 'Errors', content: () => <Errors /> },
          { id: 'concurrency', title: 'Concurrency', content: () => <Concurrency /> },
        ]}
      />
    </Page>
  );
}
