import {
  CLIENT_SECRET_TTL_SECONDS,
  DATA_RESIDENCIES,
  SESSION_DURATION_SECONDS,
} from '../../../../lambdas/domain/openai-models.ts';
import { Button } from '../ui/button.tsx';
import { FieldRow, SelectField, TextField } from '../ui/field.tsx';
import ui from '../ui/ui.module.css';
import { residencyName } from '../workspace-settings.ts';
import type { SiteDraft } from './site-draft.ts';
import css from './sites.module.css';

/** Settings of a site that most owners never change. */
export const AdvancedFields = ({
  draft,
  faultOf,
  set,
}: {
  readonly draft: SiteDraft;
  readonly faultOf: (field: string) => string | undefined;
  readonly set: <Field extends keyof SiteDraft>(field: Field, value: SiteDraft[Field]) => void;
}) => (
  <details className={ui['details']}>
    <summary>Advanced</summary>
    <FieldRow>
      <SelectField
        label="Data residency"
        value={draft.data_residency}
        hint="The region of your OpenAI project, if it has one."
        onChange={(event) => set('data_residency', event.target.value as SiteDraft['data_residency'])}
      >
        {DATA_RESIDENCIES.map((region) => (
          <option key={region} value={region}>
            {residencyName(region)}
          </option>
        ))}
      </SelectField>
      <TextField
        label="Longest session, seconds"
        type="number"
        min={SESSION_DURATION_SECONDS.min}
        max={SESSION_DURATION_SECONDS.max}
        value={draft.max_duration_seconds}
        hint="After this time the widget hangs up. OpenAI ends every session after an hour."
        fault={faultOf('max_duration_seconds')}
        onChange={(event) => set('max_duration_seconds', event.target.valueAsNumber)}
      />
      <TextField
        label="Token lives, seconds"
        type="number"
        min={CLIENT_SECRET_TTL_SECONDS.min}
        max={CLIENT_SECRET_TTL_SECONDS.max}
        value={draft.client_secret_ttl_seconds}
        hint="Shorter is safer: one secret can open several sessions until it expires."
        fault={faultOf('client_secret_ttl_seconds')}
        onChange={(event) => set('client_secret_ttl_seconds', event.target.valueAsNumber)}
      />
      <SelectField
        label="When OpenAI shuts the model down"
        value={draft.model_auto_upgrade ? 'move' : 'stay'}
        hint="A site that stays loses voice on that day, until you choose another model."
        onChange={(event) => set('model_auto_upgrade', event.target.value === 'move')}
      >
        <option value="move">Move to its successor the day before</option>
        <option value="stay">Stay; I choose myself</option>
      </SelectField>
    </FieldRow>
    {draft.ignored_origins.length > 0 && (
      <div className={ui['field']}>
        <span className={ui['label']}>Ignored origins</span>
        <div className={ui['hint']}>Refused, and not listed among the errors.</div>
        <ul className={css['origins']} aria-label="Ignored origins">
          {draft.ignored_origins.map((origin) => (
            <li key={origin}>
              <code>{origin}</code>
              <Button
                small
                kind="quiet"
                onClick={() =>
                  set(
                    'ignored_origins',
                    draft.ignored_origins.filter((other) => other !== origin),
                  )
                }
              >
                List again
              </Button>
            </li>
          ))}
        </ul>
      </div>
    )}
  </details>
);
