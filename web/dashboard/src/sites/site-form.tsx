import { type ReactNode, useState } from 'react';
import {
  CLIENT_SECRET_TTL_SECONDS,
  DATA_RESIDENCIES,
  DEFAULT_MODEL,
  DEFAULT_VOICE,
  SESSION_DURATION_SECONDS,
  VOICES,
} from '../../../../lambdas/domain/openai-models.ts';
import { ApiFailure } from '../api/failure.ts';
import { type Site, useRoute } from '../api/queries.ts';
import { ControlField } from '../calls/control-field.tsx';
import { Button } from '../ui/button.tsx';
import { FieldRow, SelectField, TextArea, TextField } from '../ui/field.tsx';
import { formatDay, formatUsd } from '../ui/format.ts';
import { FailureNote } from '../ui/states.tsx';
import ui from '../ui/ui.module.css';
import { UnsavedGuard, useDraft } from '../ui/unsaved.tsx';
import { ConversationFields, emptyConversation } from './conversation-fields.tsx';
import { OriginsField } from './origins-field.tsx';
import css from './sites.module.css';

/** The settings that the form changes. Functions have their own tab. */
export type SiteDraft = Omit<
  Site,
  | 'site_id'
  | 'workspace_id'
  | 'model_moved'
  | 'warnings'
  | 'embed_key'
  | 'has_key'
  | 'key_suspended'
  | 'tools'
  | 'created_at'
  | 'created_by'
>;

export const emptyDraft: SiteDraft = {
  name: '',
  allowed_origins: [],
  model: DEFAULT_MODEL,
  voice: DEFAULT_VOICE,
  instructions: 'You are a friendly voice assistant.',
  conversation: emptyConversation,
  data_residency: 'global',
  control: 'brokered',
  require_embed_token: false,
  visitor_limits: { calls_per_day: null, minutes_per_day: null },
  client_secret_ttl_seconds: CLIENT_SECRET_TTL_SECONDS.default,
  max_duration_seconds: SESSION_DURATION_SECONDS.default,
  model_auto_upgrade: true,
  ignored_origins: [],
};

const OTHER = 'other';

/** Everything that a site is made of; the same form makes one and changes one. */
export const SiteForm = ({
  initial,
  submit,
  working,
  failure,
  onSubmit,
  readOnly = false,
  isDone = false,
  isNew = false,
  extra,
}: {
  readonly initial: SiteDraft;
  readonly submit: string;
  readonly working: boolean;
  readonly failure: unknown;
  /** Sends the draft; `adopt` takes what was stored of it. */
  readonly onSubmit: (draft: SiteDraft, adopt: (saved: SiteDraft) => void) => void;
  /** Whether the form's task is done: leaving loses nothing. */
  readonly isDone?: boolean;
  readonly readOnly?: boolean;
  /** Nothing is stored yet: it can be sent without an edit. */
  readonly isNew?: boolean;
  readonly extra?: ReactNode;
}) => {
  const { draft, dirty, set, send, adopt } = useDraft(initial);
  const faultOf = (field: string): string | undefined =>
    failure instanceof ApiFailure ? failure.detail(field) : undefined;
  return (
    <form
      className={css['form']}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit(send(), adopt);
      }}
    >
      <UnsavedGuard dirty={dirty && !isDone} />
      <fieldset
        disabled={readOnly}
        className={css['form']}
        style={{ border: 0, margin: 0, padding: 0, minWidth: 0 }}
      >
        <legend className={ui['visuallyHidden']}>Settings of the site</legend>
        <TextField
          label="Name"
          value={draft.name}
          required
          maxLength={100}
          hint="Only you see this name."
          fault={faultOf('name')}
          onChange={(event) => set('name', event.target.value)}
        />
        <OriginsField
          origins={draft.allowed_origins}
          fault={faultOf('allowed_origins')}
          onChange={(origins) => set('allowed_origins', [...origins])}
        />
        <FieldRow>
          <ModelField
            model={draft.model}
            fault={faultOf('model')}
            onChange={(model) => set('model', model)}
          />
          <SelectField
            label="Voice"
            value={draft.voice}
            hint="OpenAI recommends marin and cedar."
            onChange={(event) => set('voice', event.target.value as SiteDraft['voice'])}
          >
            {VOICES.map((voice) => (
              <option key={voice} value={voice}>
                {voice.charAt(0).toUpperCase() + voice.slice(1)}
              </option>
            ))}
          </SelectField>
        </FieldRow>
        <TextArea
          label="Instructions"
          value={draft.instructions}
          maxLength={16_000}
          rows={6}
          hint={`What the assistant is and knows. Sent with every session, so longer instructions cost more. ${draft.instructions.length.toLocaleString()} of 16,000 characters.`}
          fault={faultOf('instructions')}
          onChange={(event) => set('instructions', event.target.value)}
        />
        <ControlField
          control={draft.control}
          fault={faultOf('control') ?? faultOf('tools')}
          onChange={(control) => set('control', control)}
        />
        <details className={ui['details']}>
          <summary>Conversation</summary>
          <ConversationFields
            value={draft.conversation}
            model={draft.model}
            faultOf={faultOf}
            onChange={(conversation) => set('conversation', conversation)}
          />
        </details>
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
                  {region === 'global' ? 'None' : region.toUpperCase()}
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
      </fieldset>
      {failure !== null && failure !== undefined && <FailureNote failure={failure} />}
      {!readOnly && (
        <div className={ui['actions']}>
          <Button
            type="submit"
            kind="primary"
            working={working}
            disabled={draft.allowed_origins.length === 0 || (!dirty && !isNew)}
          >
            {submit}
          </Button>
          {extra}
          {draft.allowed_origins.length === 0 && (
            <span className={ui['hint']}>Add at least one origin first.</span>
          )}
        </div>
      )}
    </form>
  );
};

/** The models of the price catalogue, each with the day on which OpenAI ends it; or any other by its id. */
const ModelField = ({
  model,
  fault,
  onChange,
}: {
  readonly model: string;
  readonly fault: string | undefined;
  readonly onChange: (model: string) => void;
}) => {
  const pricing = useRoute('readPricing', {});
  const [other, setOther] = useState(false);
  const offered = (pricing.data?.models ?? []).filter(
    ({ shutdown_date }) => shutdown_date === null || shutdown_date > new Date().toISOString().slice(0, 10),
  );
  const names = [...new Set([...offered.map(({ model: id }) => id), ...(other ? [] : [model])])];
  const ending = offered.find(({ model: id }) => id === model)?.shutdown_date ?? null;
  const hint =
    ending !== null ? (
      <strong>OpenAI shuts this model down on {formatDay(ending)}. Choose a newer one before then.</strong>
    ) : (
      'Prices are for a million tokens of sound. OpenAI has not announced a shutdown date for this model.'
    );
  return (
    <div style={{ display: 'grid', gap: 10 }}>
      <SelectField
        label="Model"
        value={other ? OTHER : model}
        hint={pricing.data === undefined || other ? undefined : hint}
        fault={other ? undefined : fault}
        onChange={(event) => {
          setOther(event.target.value === OTHER);
          if (event.target.value !== OTHER) onChange(event.target.value);
        }}
      >
        {names.map((name) => {
          const known = offered.find(({ model: id }) => id === name);
          const end = known?.shutdown_date ?? null;
          return (
            <option key={name} value={name}>
              {name}
              {known !== undefined &&
                `, ${formatUsd(known.audio.input)} in, ${formatUsd(known.audio.output)} out`}
              {end !== null && ` (until ${formatDay(end)})`}
            </option>
          );
        })}
        <option value={OTHER}>Another model…</option>
      </SelectField>
      {other && (
        <TextField
          label="Model ID"
          value={model}
          spellCheck={false}
          autoCapitalize="none"
          hint="A model without a known price works, but its cost is not shown."
          fault={fault}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </div>
  );
};
