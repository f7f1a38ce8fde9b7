import { ERROR_DAYS, SESSION_DAYS } from '../../../lambdas/domain/tenancy/retention.ts';
import type { DataOf } from './api/routes.ts';
import { FieldRow, TextField } from './ui/field.tsx';
import { Note } from './ui/states.tsx';

type Retention = DataOf<'readWorkspace'>['retention'];

/** How long the workspace keeps sessions and errors; once edited, with the consequences. */
export const RetentionFields = ({
  shown,
  value,
  faultOf,
  onChange,
}: {
  /** The times before any edit. */
  readonly shown: Retention;
  readonly value: Retention;
  readonly faultOf: (field: string) => string | undefined;
  readonly onChange: (value: Retention) => void;
}) => {
  const isEdited = value.session_days !== shown.session_days || value.error_days !== shown.error_days;
  return (
    <>
      <FieldRow>
        <TextField
          label="Keep sessions for (days)"
          type="number"
          required
          min={SESSION_DAYS.min}
          max={SESSION_DAYS.max}
          value={value.session_days}
          hint={`With their usage and receipts. ${SESSION_DAYS.min} to ${SESSION_DAYS.max} days.`}
          fault={faultOf('retention.session_days')}
          onChange={(event) => onChange({ ...value, session_days: Number(event.target.value) })}
        />
        <TextField
          label="Keep errors for (days)"
          type="number"
          required
          min={ERROR_DAYS.min}
          max={ERROR_DAYS.max}
          value={value.error_days}
          hint={`${ERROR_DAYS.min} to ${ERROR_DAYS.max} days.`}
          fault={faultOf('retention.error_days')}
          onChange={(event) => onChange({ ...value, error_days: Number(event.target.value) })}
        />
      </FieldRow>
      {isEdited && (
        <Note tone="warn" title="The new times apply to new sessions and errors.">
          <p>
            What is stored already keeps its time. After that time nobody can see or export a session, its
            receipt or an error. Usage totals and the audit trail stay.
          </p>
        </Note>
      )}
    </>
  );
};
