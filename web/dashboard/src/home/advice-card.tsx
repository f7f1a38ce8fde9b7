import { Link } from 'react-router';
import type { Site } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { Card } from '../ui/surface.tsx';
import { useWorkspace } from '../workspace.tsx';
import { adviceFor } from './advice.ts';
import css from './home.module.css';

/** Improvements that an admin can make. Renders nothing if there are none. */
export const AdviceCard = ({
  sites,
  overview,
}: {
  readonly sites: readonly Site[];
  readonly overview: DataOf<'readOverview'>;
}) => {
  const workspace = useWorkspace();
  const advice = adviceFor(workspace, sites, overview);
  if (advice.length === 0) return null;
  return (
    <Card title="Advice" lead="Based on the current settings of the workspace and its sites.">
      <ul className={css['list']} aria-label="Advice">
        {advice.map(({ id, text, to }) => (
          <li key={id}>
            <span>{text}</span>
            {workspace.may('admin') && <Link to={`../${to}`}>Change it</Link>}
          </li>
        ))}
      </ul>
    </Card>
  );
};
