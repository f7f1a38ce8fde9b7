import { Globe, Plus } from 'lucide-react';
import { Link } from 'react-router';
import { type Site, useSites } from '../api/queries.ts';
import { KeyOfSite } from '../billing/site-keys-card.tsx';
import css from '../sites/sites.module.css';
import { Button, ButtonLink } from '../ui/button.tsx';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Card, Page } from '../ui/surface.tsx';
import { type Column, Table } from '../ui/table.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { siteCount, siteLimitReached } from '../workspace-settings.ts';

const COLUMNS: readonly Column<Site>[] = [
  {
    head: 'Site',
    cell: (site) => (
      <>
        <Link className={css['siteName']} to={site.site_id}>
          {site.name}
        </Link>
        <div className={ui['meta']}>
          <span className={ui['mono']}>{site.site_id}</span>
        </div>
      </>
    ),
  },
  {
    head: 'Origins',
    cell: ({ allowed_origins: [first, ...more] }) => (
      <>
        <code>{first}</code>
        {more.length > 0 && <div className={ui['meta']}>and {more.length} more</div>}
      </>
    ),
  },
  {
    head: 'Model and voice',
    cell: ({ model, voice }) => (
      <>
        {model}
        <div className={ui['meta']}>{voice}</div>
      </>
    ),
    nowrap: true,
  },
  { head: 'OpenAI key', cell: (site) => <KeyOfSite site={site} /> },
];

export default function SitesPage() {
  const workspace = useWorkspace();
  const { workspace_id, may } = workspace;
  const full = siteLimitReached(workspace);
  const sites = useSites(workspace_id);
  const add = !may('admin') ? undefined : full !== undefined ? (
    <Button kind="primary" disabled>
      <Plus aria-hidden="true" />
      New site
    </Button>
  ) : (
    <ButtonLink kind="primary" to="new">
      <Plus aria-hidden="true" />
      New site
    </ButtonLink>
  );
  return (
    <Page title="Sites" lead="Each site has its own origins, model, voice and instructions." actions={add}>
      <Card title="Your sites" lead={full ?? siteCount(workspace)} flush>
        <Loaded query={sites} what="the sites" skeleton={<SkeletonRows />}>
          {(items) =>
            items.length === 0 ? (
              <Empty icon={<Globe aria-hidden="true" />} title="No sites yet" action={add}>
                A site is one place where you embed the widget. Name it, list the origins that may use it, and
                copy two lines of HTML into your pages.
              </Empty>
            ) : (
              <Table caption="Sites" columns={COLUMNS} rows={items} keyOf={(site) => site.site_id} />
            )
          }
        </Loaded>
      </Card>
    </Page>
  );
}
