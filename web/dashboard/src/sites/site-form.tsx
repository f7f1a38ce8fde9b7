import { type ReactNode, useEffect } from 'react';
import { VOICES } from '../../../../lambdas/domain/openai-models.ts';
import { ApiFailure } from '../api/failure.ts';
import { ControlField } from '../calls/control-field.tsx';
import { Button } from '../ui/button.tsx';
import { FieldRow, SelectField, TextArea, TextField } from '../ui/field.tsx';
import { FailureNote } from '../ui/states.tsx';
import ui from '../ui/ui.module.css';
import { UnsavedGuard, useDraft } from '../ui/unsaved.tsx';
import { AdvancedFields } from './advanced-fields.tsx';
import { ConversationFields } from './conversation-fields.tsx';
import { ModelField } from './model-field.tsx';
import { OriginsField } from './origins-field.tsx';
import type { SiteDraft } from './site-draft.ts';
import css from './sites.module.css';

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
  restored = 0,
  extra,
}: {
  readonly initial: SiteDraft;
  readonly submit: string;
  readonly working: boolean;
  readonly failure: unknown;
  /** Sends the edited fields. Call `adopt` when they are stored. */
  readonly onSubmit: (
    changes: Partial<SiteDraft>,
    form: {
      readonly adopt: (saved: SiteDraft) => void;
      /** See useDraft. */
      readonly changedByOthers: (now: SiteDraft) => readonly string[];
    },
  ) => void;
  /** How often former instructions were restored on this page: each time, the form shows what is stored of them. */
  readonly restored?: number;
  /** Whether the form's task is done: leaving loses nothing. */
  readonly isDone?: boolean;
  readonly readOnly?: boolean;
  /** Nothing is stored yet: it can be sent without an edit. */
  readonly isNew?: boolean;
  readonly extra?: ReactNode;
}) => {
  const { draft, dirty, set, send, adopt, discard, changedByOthers } = useDraft(initial);
  // biome-ignore lint/correctness/useExhaustiveDependencies: only another restore counts.
  useEffect(() => {
    if (restored > 0) discard('instructions');
  }, [restored]);
  const faultOf = (field: string): string | undefined =>
    failure instanceof ApiFailure ? failure.detail(field) : undefined;
  return (
    <form
      className={css['form']}
      onSubmit={(event) => {
        event.preventDefault();
        onSubmit(send(), { adopt, changedByOthers });
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
        <AdvancedFields draft={draft} faultOf={faultOf} set={set} />
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
