import { Link } from 'react-router';
import { type Site, useRoute } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { KEY_STATES } from '../key/key-states.ts';
import { formatTime } from '../ui/format.ts';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Loaded } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import css from './home.module.css';

type ListedKey = DataOf<'listKeys'>['items'][number];

/** Maximum number of sites whose keys are read. */
const SITES_READ = 100;

/** Every stored key with its state. */
export const KeysCard = ({ sites }: { readonly sites: readonly Site[] | undefined }) => {
  const { workspace_id, billing_mode, may } = useWorkspace();
  const keys = useRoute('listKeys', { path: { workspaceId: workspace_id }, query: { limit: SITES_READ } });
  const isManaged = billing_mode === 'managed';
  return (
    <Card
      title="OpenAI keys"
      lead={
        isManaged
          ? 'Managed mode uses the platform’s key. Stored keys are not used.'
          : 'The state of every stored key.'
      }
      aside={<Link to="../billing">Keys</Link>}
    >
      <Loaded query={keys} what="the OpenAI keys" skeleton={<SkeletonRows rows={2} />}>
        {({ items, next_cursor }) => (
          <>
            {items.length === 0 && (
              <p>
                {next_cursor === null ? 'No key is stored.' : 'The workspace itself has no key.'}{' '}
                {isManaged
                  ? 'None is needed in managed mode.'
                  : may('admin')
                    ? 'Voice needs one.'
                    : 'Voice needs one. An admin can store it.'}
              </p>
            )}
            {items.length > 0 && (
              <ul className={css['list']} aria-label="Stored keys">
                {items.map((key) => (
                  <KeyLine key={key.site_id ?? ''} line={key} sites={sites} />
                ))}
              </ul>
            )}
            {next_cursor !== null && (
              <p className={ui['meta']}>Only the first {SITES_READ} sites were searched for keys.</p>
            )}
          </>
        )}
      </Loaded>
    </Card>
  );
};

const KeyLine = ({
  line,
  sites,
}: {
  readonly line: ListedKey;
  readonly sites: readonly Site[] | undefined;
}) => {
  const { site_id, masked, state, last_used_at, verdict } = line;
  const name =
    site_id === null
      ? 'The workspace’s key'
      : `Key of ${sites?.find((site) => site.site_id === site_id)?.name ?? site_id}`;
  return (
    <li>
      <div className={css['head']}>
        <Link to={site_id === null ? '../billing' : `../sites/${site_id}?tab=key`}>{name}</Link>
        <Badge tone={KEY_STATES[state].tone}>{KEY_STATES[state].text}</Badge>
      </div>
      {state === 'unverified' && <span>{verdict.message}</span>}
      {state === 'degraded' && <span>Conversations with this key fail at OpenAI. See the errors.</span>}
      <span className={ui['meta']}>
        <span className={ui['mono']}>{masked}</span> · last used {formatTime(last_used_at)}
      </span>
    </li>
  );
};
