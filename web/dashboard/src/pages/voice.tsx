import { Globe } from 'lucide-react';
import { useSearchParams } from 'react-router';
import { useSites } from '../api/queries.ts';
import { ButtonLink } from '../ui/button.tsx';
import { SelectField } from '../ui/field.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Card, Page } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { Conversation } from '../voice/conversation.tsx';
import { Probe } from '../voice/probe.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function VoicePage() {
  const { workspace_id, may } = useWorkspace();
  const sites = useSites(workspace_id);
  const [search, setSearch] = useSearchParams();
  return (
    <Page title="Test voice" lead="Test the key first, then have a conversation exactly as a visitor would.">
      <Loaded query={sites} what="the sites">
        {(items) => {
          const site = items.find(({ site_id }) => site_id === search.get('site')) ?? items[0];
          return site === undefined ? (
            <Card title="Nothing to talk to yet" flush>
              <Empty
                icon={<Globe aria-hidden="true" />}
                title="A conversation needs a site"
                action={may('admin') && <ButtonLink to="../sites/new">New site</ButtonLink>}
              >
                A site says which model and voice speak, and what they know. The key itself can be tested
                under Billing.
              </Empty>
            </Card>
          ) : (
            <>
              <div className={ui['narrow']}>
                <SelectField
                  label="Site"
                  value={site.site_id}
                  onChange={(event) => setSearch({ site: event.target.value }, { replace: true })}
                >
                  {items.map(({ site_id, name }) => (
                    <option key={site_id} value={site_id}>
                      {name}
                    </option>
                  ))}
                </SelectField>
              </div>
              <Probe site={site} />
              <Conversation site={site} />
            </>
          );
        }}
      </Loaded>
    </Page>
  );
}
