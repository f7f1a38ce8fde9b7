import { Link } from 'react-router';
import { type Site, useSearch, useSites } from '../api/queries.ts';
import { anomalySentence } from '../audit/anomaly-sentences.ts';
import { counted, formatTime, formatWhole } from '../ui/format.ts';
import { SkeletonRows } from '../ui/skeletons.tsx';
import { Loaded } from '../ui/states.tsx';
import { Badge, Card } from '../ui/surface.tsx';
import ui from '../ui/ui.module.css';
import { isRefusedOrigin, refusedInWords } from '../usage/refused-words.ts';
import { useWorkspace } from '../workspace.tsx';
import css from './home.module.css';
import { openErrors, recentAnomalies } from './recent.ts';

/** Error rows read; the same within a minute is one row. */
const ROWS_READ = 100;
/** Kinds of errors and anomalies shown. */
const SHOWN = 5;

const siteName = (sites: readonly Site[] | undefined, siteId: string | null): string | undefined =>
  siteId === null ? undefined : (sites?.find(({ site_id }) => site_id === siteId)?.name ?? siteId);

/** Errors of the last 24 hours by kind, without those that were resolved. */
export const ErrorsCard = () => {
  const { workspace_id } = useWorkspace();
  const { data: sites, isPending } = useSites(workspace_id);
  const errors = useSearch('listErrors', {
    path: { workspaceId: workspace_id },
    query: { limit: ROWS_READ },
  });
  return (
    <Card
      title="Errors"
      lead="Why visitors could not talk in the last 24 hours."
      aside={<Link to="../usage?tab=errors">All errors</Link>}
    >
      <Loaded
        // The sites show which refused origins were resolved.
        query={isPending ? { ...errors, data: undefined, error: null } : errors}
        what="the errors"
        skeleton={<SkeletonRows rows={2} />}
      >
        {(page) => {
          const { items, hasMore } = openErrors(page, sites ?? [], Date.now());
          if (items.length === 0)
            return <p>{hasMore ? 'None among the latest errors. Older ones were not searched.' : 'None.'}</p>;
          return (
            <>
              <ul className={css['list']} aria-label="Errors of the last 24 hours">
                {items.slice(0, SHOWN).map(({ key, latest, count }) => (
                  <li key={key}>
                    <div className={css['head']}>
                      <span>
                        {isRefusedOrigin(latest) ? refusedInWords({ ...latest, count }) : latest.message}
                      </span>
                      <Badge tone="bad">
                        {hasMore && 'at least '}
                        {formatWhole(count)}×
                      </Badge>
                    </div>
                    <span className={ui['meta']}>
                      {[siteName(sites, latest.site_id), `last ${formatTime(latest.last_at)}`]
                        .filter(Boolean)
                        .join(' · ')}
                    </span>
                  </li>
                ))}
              </ul>
              {items.length > SHOWN && (
                <p className={ui['meta']}>
                  {counted(items.length - SHOWN, 'more kind')} on the All errors page.
                </p>
              )}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
};

/** Unusual use in the last seven days. For owners, because only they read the audit trail. */
export const AnomaliesCard = ({ sites }: { readonly sites: readonly Site[] | undefined }) => {
  const { workspace_id } = useWorkspace();
  const found = useSearch('listAudit', {
    path: { workspaceId: workspace_id },
    query: { limit: SHOWN, type: 'anomaly.detected' },
  });
  return (
    <Card
      title="Unusual use"
      lead="Found by the detector in the last 7 days."
      aside={<Link to="../audit">Audit</Link>}
    >
      <Loaded query={found} what="the unusual use" skeleton={<SkeletonRows rows={2} />}>
        {(page) => {
          const { items, hasMore } = recentAnomalies(page, Date.now());
          if (items.length === 0)
            return (
              <p>{hasMore ? 'None found in the latest rows. Search further on the Audit page.' : 'None.'}</p>
            );
          return (
            <>
              <ul className={css['list']} aria-label="Unusual use in the last 7 days">
                {items.map((row) => (
                  <li key={row.sequence}>
                    <span>{anomalySentence(row)}</span>
                    <span className={ui['meta']}>
                      {[siteName(sites, row.site_id), formatTime(row.at)].filter(Boolean).join(' · ')}
                    </span>
                  </li>
                ))}
              </ul>
              {hasMore && <p className={ui['meta']}>The Audit page has more.</p>}
            </>
          );
        }}
      </Loaded>
    </Card>
  );
};
