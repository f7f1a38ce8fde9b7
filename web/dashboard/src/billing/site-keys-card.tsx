import { Link } from 'react-router';
import { type Site, useKey, useSites } from '../api/queries.ts';
import { Empty, Loaded, Skeleton } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useWorkspace } from '../workspace.tsx';

/** Which key each site uses: its own where it has one, the workspace's otherwise. */
export const SiteKeysCard = () => {
  const { workspace_id } = useWorkspace();
  const sites = useSites(workspace_id);
  return (
    <Card
      title="Keys by site"
      lead="A site can have an OpenAI key of its own, which then replaces the workspace’s there: for separate bills."
      flush
    >
      <Loaded query={sites} what="the sites">
        {(items) =>
          items.length === 0 ? (
            <Empty title="No sites yet">Once you have sites, this shows which key each of them uses.</Empty>
          ) : (
            <Table
              caption="Which key each site uses"
              rows={items}
              keyOf={(site) => site.site_id}
              columns={[
                {
                  head: 'Site',
                  cell: (site) => <Link to={`../sites/${site.site_id}?tab=key`}>{site.name}</Link>,
                },
                { head: 'OpenAI key', cell: (site) => <KeyOfSite site={site} /> },
              ]}
            />
          )
        }
      </Loaded>
    </Card>
  );
};

export const KeyOfSite = ({ site }: { readonly site: Pick<Site, 'site_id'> }) => {
  const key = useKey({ scope: 'site', siteId: site.site_id });
  if (key.data === undefined)
    return key.error === null ? <Skeleton width="140px" /> : <span>could not be read</span>;
  if (key.data === null) return <span>The workspace’s key</span>;
  return (
    <span style={{ display: 'inline-flex', gap: 10, alignItems: 'center', flexWrap: 'wrap' }}>
      <code>{key.data.masked}</code>
      <Badge tone={key.data.state === 'active' ? 'good' : 'warn'}>
        {key.data.state === 'active' ? 'Own key' : `Own key, ${key.data.state.replace('_', ' ')}`}
      </Badge>
    </span>
  );
};
