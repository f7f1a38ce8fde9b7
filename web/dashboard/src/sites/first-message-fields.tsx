import {
  type FIRST_MESSAGE_TYPES,
  MAX_FIRST_MESSAGE_LENGTH,
} from '../../../../lambdas/domain/tenancy/first-message.ts';
import type { Site } from '../api/queries.ts';
import { SelectField, TextArea } from '../ui/field.tsx';

/** Chooses whether the assistant begins the conversation, and how. */
export const FirstMessageFields = ({
  value,
  faultOf,
  onChange,
}: {
  readonly value: Site['conversation']['first_message'];
  readonly faultOf: (path: string) => string | undefined;
  readonly onChange: (value: Site['conversation']['first_message']) => void;
}) => (
  <>
    <SelectField
      label="Who speaks first"
      value={value?.type ?? ''}
      onChange={(event) =>
        onChange(
          event.target.value === ''
            ? null
            : { type: event.target.value as (typeof FIRST_MESSAGE_TYPES)[number], text: value?.text ?? '' },
        )
      }
    >
      <option value="">The visitor</option>
      <option value="text">The assistant, with these words</option>
      <option value="instructions">The assistant, in its own words</option>
    </SelectField>
    {value !== null && (
      <TextArea
        label={value.type === 'text' ? 'First message' : 'Instructions for the first message'}
        rows={3}
        required
        maxLength={MAX_FIRST_MESSAGE_LENGTH}
        value={value.text}
        placeholder={
          value.type === 'text'
            ? 'Hello, this is the workshop. How can I help you?'
            : 'Greet the visitor in one sentence and ask how you can help.'
        }
        hint="The model usually follows this, but OpenAI does not guarantee the exact words."
        fault={faultOf('conversation.first_message.text')}
        onChange={(event) => onChange({ ...value, text: event.target.value })}
      />
    )}
  </>
);
