import { Link } from 'react-router';
import { type Site, useSites } from '../api/queries.ts';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Empty, Loaded } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import { Table } from '../ui/table.tsx';
import { useWorkspace } from '../workspace.tsx';

/** Which key each site uses: its own where it has one, the workspace's otherwise. */
export const SiteKeysCard = () => {
  const { workspace_id, billing_mode } = useWorkspace();
  const sites = useSites(workspace_id);
  return (
    <Card
      title="Keys by site"
      lead={
        billing_mode === 'managed'
          ? 'The platform pays OpenAI, so every site uses the platform’s key.'
          : 'A site can use its own OpenAI key, for a separate bill, instead of the workspace’s key.'
      }
      flush
    >
      <Loaded query={sites} what="the sites" skeleton={<SkeletonRows />}>
        {(items) =>
          items.length === 0 ? (
            <Empty title="No sites yet">When you have sites, this shows which key each one uses.</Empty>
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

/** Which key pays for a site. In managed mode that is the platform's, whatever is stored. */
export const KeyOfSite = ({ site }: { readonly site: Pick<Site, 'has_key' | 'key_suspended'> }) => {
  const { billing_mode, has_key } = useWorkspace();
  if (billing_mode === 'managed')
    return <span>The platform’s key{site.has_key && '; its own key is stored but not used'}</span>;
  if (site.has_key)
    return (
      <Badge tone={site.key_suspended ? 'warn' : 'good'}>
        {site.key_suspended ? 'Own key, suspended' : 'Own key'}
      </Badge>
    );
  return has_key ? <span>The workspace’s key</span> : <Badge tone="warn">No key: voice does not work</Badge>;
};
