import { useRoute, useSites } from '../api/queries.ts';
import { AdviceCard } from '../home/advice-card.tsx';
import { BudgetCard } from '../home/budget-card.tsx';
import { LiveFigure, SpendingFigures } from '../home/figures.tsx';
import css from '../home/home.module.css';
import { KeysCard } from '../home/keys-card.tsx';
import { AnomaliesCard, ErrorsCard } from '../home/problems.tsx';
import { StepsCard } from '../home/steps-card.tsx';
import { SkeletonCards, SkeletonTiles } from '../ui/skeletons.tsx';
import { Loaded } from '../ui/states.tsx';
import { Page } from '../ui/surface.tsx';
import { useWorkspace } from '../workspace.tsx';

const REFRESH_MS = 60_000;

/** A workspace at a glance. Each part loads, fails and can be retried by itself. */
export default function HomePage() {
  const { workspace_id, name, may } = useWorkspace();
  const sites = useSites(workspace_id);
  const overview = useRoute(
    'readOverview',
    { path: { workspaceId: workspace_id }, query: { own_origin: window.location.origin } },
    { refetchInterval: REFRESH_MS },
  );
  return (
    <Page title="Home" lead={`${name} at a glance.`}>
      {sites.data !== undefined && overview.data !== undefined && (
        <StepsCard sites={sites.data} visitors={overview.data.visitors} />
      )}
      <div className={css['figures']}>
        <LiveFigure />
        <Loaded
          query={overview}
          what="the spending and the budget"
          skeleton={<SkeletonTiles names={['Today', 'This month']} />}
        >
          {(data) => <SpendingFigures overview={data} />}
        </Loaded>
      </div>
      <div className={css['columns']}>
        {overview.data === undefined ? (
          overview.error === null && <SkeletonCards cards={1} />
        ) : (
          <BudgetCard overview={overview.data} sites={sites.data} />
        )}
        <KeysCard sites={sites.data} />
        <ErrorsCard />
        {may('owner') && <AnomaliesCard sites={sites.data} />}
      </div>
      <Loaded query={sites} what="the sites" skeleton={<SkeletonCards cards={1} />}>
        {(listed) => overview.data !== undefined && <AdviceCard sites={listed} overview={overview.data} />}
      </Loaded>
    </Page>
  );
}
