import { useState } from 'react';
import { useChange } from '../api/queries.ts';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { Badge, Bullets, Card } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';
import css from './billing.module.css';

type Mode = 'byok' | 'managed';

const MODES: Readonly<
  Record<
    Mode,
    { readonly title: string; readonly meaning: readonly string[]; readonly consequences: readonly string[] }
  >
> = {
  byok: {
    title: 'Your own OpenAI key',
    meaning: [
      'OpenAI bills you directly, at its own rates.',
      'No cap on minutes: your OpenAI account is the limit.',
      'Cost shown here is computed from the price list.',
    ],
    consequences: [
      'For new sessions, OpenAI bills your account for everything your visitors say and hear.',
      'Store your OpenAI key first. Without one, visitors see that voice is not set up. We never fall back to our own key.',
      'The minutes of your plan no longer count down. Your OpenAI rate limits and spend limits apply.',
      'Sessions that are already running stay on the plan until they end.',
    ],
  },
  managed: {
    title: 'Managed by us',
    meaning: [
      'One bill, with the minutes of your plan.',
      'No OpenAI account needed.',
      'The plan’s cap or its overage price applies.',
    ],
    consequences: [
      'For new sessions, we pay OpenAI and your plan’s minutes count.',
      'When a plan with a hard cap runs out of minutes, visitors cannot talk until next month. Other plans continue at their overage price.',
      'Your OpenAI key stays stored but is not used. You can switch back without storing it again.',
      'Sessions that are already running use your own key until they end.',
    ],
  },
};

/** Who pays OpenAI, and the switch between the two. */
export const ModeCard = () => {
  const { workspace_id, billing_mode, managed_available, may } = useWorkspace();
  const [asking, setAsking] = useState<Mode>();
  const say = useToast();
  const change = useChange((api, mode: Mode) =>
    api.call('changeWorkspace', { path: { workspaceId: workspace_id }, body: { billing_mode: mode } }),
  );
  return (
    <Card title="Who pays OpenAI" lead="You can switch at any time. A switch applies to new sessions.">
      <div className={css['modes']}>
        {(['byok', 'managed'] as const).map((mode) => {
          const { title, meaning } = MODES[mode];
          const current = mode === billing_mode;
          return (
            <div key={mode} className={css['mode']} data-current={current}>
              <div className={css['modeHead']}>
                <h3>{title}</h3>
                {current && <Badge tone="good">Current</Badge>}
              </div>
              <Bullets items={meaning} />
              {!current && may('owner') && (
                <div>
                  <Button disabled={mode === 'managed' && !managed_available} onClick={() => setAsking(mode)}>
                    {mode === 'byok' ? 'Switch to your own key' : 'Switch to managed'}
                  </Button>
                </div>
              )}
              {mode === 'managed' && !managed_available && (
                <p className={css['aside']}>
                  {current
                    ? 'Managed voice does not work: this service has no platform key. Ask its operator to store one.'
                    : 'Not available: this service has no platform key. Ask its operator to store one.'}
                </p>
              )}
            </div>
          );
        })}
      </div>
      {!may('owner') && <p className={css['aside']}>Only an owner of the workspace can switch.</p>}
      {asking !== undefined && (
        <ConfirmDialog
          title={asking === 'byok' ? 'Switch to your own OpenAI key?' : 'Switch to managed?'}
          confirm="Switch"
          act={async () => {
            await change.mutateAsync(asking);
            say(`${MODES[asking].title}: this applies to new sessions.`);
          }}
          onClose={() => setAsking(undefined)}
        >
          <Bullets items={MODES[asking].consequences} />
        </ConfirmDialog>
      )}
    </Card>
  );
};
