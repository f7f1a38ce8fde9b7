import { Check } from 'lucide-react';
import { Link } from 'react-router';
import type { Site } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { Card } from '../ui/surface.tsx';
import { useWorkspace } from '../workspace.tsx';
import css from './home.module.css';
import { nextStep, STEPS, type StepId, stepsDone } from './steps.ts';

interface Words {
  readonly title: string;
  readonly text: string;
  /** The page on which an admin takes the step. */
  readonly to: string;
}

const wordsOf = (site: Site | undefined): Readonly<Record<StepId, Words>> => ({
  key: { title: 'Store your OpenAI key', text: 'It is tested, then encrypted.', to: '../billing' },
  site: {
    title: 'Add your site',
    text: 'A site has a model, a voice and instructions.',
    to: '../sites/new',
  },
  origin: {
    title: 'Allow your website’s origin',
    text: 'Only pages of allowed origins can use the key.',
    to: site === undefined ? '../sites/new' : `../sites/${site.site_id}`,
  },
  snippet: {
    title: 'Put the snippet into your pages',
    text: 'Done when a visitor to your website opens the first session. A test in this dashboard does not count.',
    to: site === undefined ? '../sites' : `../sites/${site.site_id}?tab=embed`,
  },
  talk: {
    title: 'First conversation of a visitor',
    text: 'Done when OpenAI has answered a visitor. Try it first under Test voice.',
    to: '../voice',
  },
});

/** The steps until the first visitor has talked, each with its stored state. */
export const StepsCard = ({
  sites,
  visitors,
}: {
  readonly sites: readonly Site[];
  readonly visitors: DataOf<'readOverview'>['visitors'];
}) => {
  const { billing_mode, has_key, may } = useWorkspace();
  if (visitors.talked === true) return null;
  const done = stepsDone({
    isManaged: billing_mode === 'managed',
    hasWorkspaceKey: has_key,
    sites,
    ownOrigin: window.location.origin,
    visitors,
  });
  const next = nextStep(done);
  const words = wordsOf(sites[0]);
  return (
    <Card
      title="Next steps"
      lead={
        may('admin') ? 'Until the first visitor has talked.' : 'An admin of this workspace takes these steps.'
      }
    >
      <ol className={css['steps']} aria-label="Next steps">
        {STEPS.map((id, index) => (
          <li key={id} className={css['step']} data-done={done[id] === true} data-next={id === next}>
            <span
              className={css['mark']}
              role="img"
              aria-label={done[id] === true ? 'Done' : done[id] === null ? 'Not known' : `Step ${index + 1}`}
            >
              {done[id] === true ? <Check aria-hidden="true" /> : done[id] === null ? '?' : index + 1}
            </span>
            <div>
              <h3>
                {may('admin') && done[id] !== true ? (
                  <Link to={words[id].to}>{words[id].title}</Link>
                ) : (
                  words[id].title
                )}
              </h3>
              {done[id] !== true && (
                <p>
                  {done[id] === null
                    ? 'Not known: only the latest sessions of the first sites were searched.'
                    : words[id].text}
                </p>
              )}
            </div>
          </li>
        ))}
      </ol>
    </Card>
  );
};
