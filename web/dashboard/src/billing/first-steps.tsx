import { Check } from 'lucide-react';
import type { ReactNode } from 'react';
import { Link } from 'react-router';
import { useKey, useSites } from '../api/queries.ts';
import { useWorkspace } from '../workspace.tsx';
import css from './billing.module.css';

/** The way to the first voice session, shown until it has been gone. */
export const FirstSteps = () => {
  const { workspace_id, billing_mode, has_key } = useWorkspace();
  const key = useKey({ scope: 'workspace', workspaceId: workspace_id }, has_key);
  const sites = useSites(workspace_id);
  if (key.data === undefined || sites.data === undefined) return null;
  const keyReady = billing_mode === 'managed' || key.data !== null;
  const siteReady = sites.data.length > 0;
  const spoken = key.data !== null && key.data.last_used_at !== null;
  if (keyReady && siteReady && (spoken || billing_mode === 'managed')) return null;
  const base = `/w/${workspace_id}`;
  return (
    <ol className={css['steps']} aria-label="First steps">
      <Step number={1} done={keyReady} title="Store your OpenAI key">
        Paste it below. It is tested, then sealed.
      </Step>
      <Step number={2} done={siteReady} title={<Link to={`${base}/sites/new`}>Add your site</Link>}>
        Name it and list the origins that may use it.
      </Step>
      <Step number={3} done={spoken} title={<Link to={`${base}/voice`}>Test voice</Link>}>
        Talk to it here before your visitors do.
      </Step>
    </ol>
  );
};

const Step = ({
  number,
  done,
  title,
  children,
}: {
  readonly number: number;
  readonly done: boolean;
  readonly title: ReactNode;
  readonly children: ReactNode;
}) => (
  <li className={css['step']} data-done={done}>
    <span className={css['stepMark']} role="img" aria-label={done ? 'Done' : `Step ${number}`}>
      {done ? <Check aria-hidden="true" /> : number}
    </span>
    <div>
      <h3>{title}</h3>
      <p>{children}</p>
    </div>
  </li>
);
