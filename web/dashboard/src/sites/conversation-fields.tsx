import {
  canReason,
  EAGERNESS,
  OUTPUT_TOKENS,
  PREFIX_PADDING_MS,
  REASONING_EFFORTS,
  SILENCE_DURATION_MS,
  SPEECH_SPEED,
  TRANSCRIPTION_MODELS,
} from '../../../../lambdas/domain/tenancy/conversation.ts';
import type { Site } from '../api/queries.ts';
import { FieldRow, RangeField, SelectField, TextField } from '../ui/field.tsx';
import { FirstMessageFields } from './first-message-fields.tsx';

type Conversation = Site['conversation'];
type TurnDetection = NonNullable<Conversation['turn_detection']>;

export const emptyConversation: Conversation = {
  turn_detection: null,
  noise_reduction: null,
  transcription: null,
  speed: SPEECH_SPEED.default,
  max_output_tokens: OUTPUT_TOKENS.default,
  reasoning_effort: null,
  first_message: null,
};

const SERVER_VAD: TurnDetection = {
  type: 'server_vad',
  threshold: 0.5,
  prefix_padding_ms: PREFIX_PADDING_MS.default,
  silence_duration_ms: SILENCE_DURATION_MS.default,
  interrupt_response: true,
};
const SEMANTIC_VAD: TurnDetection = { type: 'semantic_vad', eagerness: 'auto', interrupt_response: true };

const EAGERNESS_TEXTS: Readonly<Record<(typeof EAGERNESS)[number], string>> = {
  auto: 'Automatic',
  low: 'Patient: lets visitors think',
  medium: 'Medium',
  high: 'Eager: answers soon',
};

/** How a site's sessions hear, speak and think. */
export const ConversationFields = ({
  value,
  model,
  faultOf,
  onChange,
}: {
  readonly value: Conversation;
  readonly model: string;
  readonly faultOf: (path: string) => string | undefined;
  readonly onChange: (value: Conversation) => void;
}) => {
  const change = (part: Partial<Conversation>) => onChange({ ...value, ...part });
  const { transcription } = value;
  return (
    <>
      <FirstMessageFields
        value={value.first_message}
        faultOf={faultOf}
        onChange={(first_message) => change({ first_message })}
      />
      <TurnFields
        value={value.turn_detection}
        faultOf={faultOf}
        onChange={(turn_detection) => change({ turn_detection })}
      />
      <FieldRow>
        <SelectField
          label="Noise reduction"
          value={value.noise_reduction ?? ''}
          hint="OpenAI filters the visitor’s sound before it listens."
          onChange={(event) =>
            change({
              noise_reduction: event.target.value === '' ? null : (event.target.value as 'near_field'),
            })
          }
        >
          <option value="">Off</option>
          <option value="near_field">Headsets and phones at the ear</option>
          <option value="far_field">Laptops and rooms</option>
        </SelectField>
        <RangeField
          label="Speed of speech"
          text={`${value.speed} ×`}
          min={SPEECH_SPEED.min}
          max={SPEECH_SPEED.max}
          step={0.05}
          value={value.speed}
          onChange={(event) => change({ speed: event.target.valueAsNumber })}
        />
      </FieldRow>
      <FieldRow>
        <TextField
          label="Longest response, tokens"
          type="number"
          min={OUTPUT_TOKENS.min}
          max={OUTPUT_TOKENS.max}
          value={value.max_output_tokens}
          hint={`About 20 tokens are a second of speech. At most ${OUTPUT_TOKENS.default.toLocaleString()} in managed sessions.`}
          fault={faultOf('conversation.max_output_tokens')}
          onChange={(event) => change({ max_output_tokens: event.target.valueAsNumber })}
        />
        <SelectField
          label="Reasoning effort"
          value={value.reasoning_effort ?? ''}
          hint={
            canReason(model)
              ? 'More effort makes answers slower and costs more tokens. Managed sessions use the default.'
              : `${model} has no reasoning effort. Choose gpt-realtime-2 or later to set it.`
          }
          fault={faultOf('conversation.reasoning_effort')}
          onChange={(event) =>
            change({ reasoning_effort: event.target.value === '' ? null : (event.target.value as 'low') })
          }
        >
          <option value="">Default of the model</option>
          {REASONING_EFFORTS.filter((effort) => canReason(model) || effort === value.reasoning_effort).map(
            (effort) => (
              <option key={effort} value={effort}>
                {effort.charAt(0).toUpperCase() + effort.slice(1)}
              </option>
            ),
          )}
        </SelectField>
      </FieldRow>
      <FieldRow>
        <SelectField
          label="Captions of the visitor"
          value={transcription?.model ?? ''}
          hint="OpenAI bills them under another model, so the cost shown here does not include them. Only with your own key."
          onChange={(event) =>
            change({
              transcription:
                event.target.value === ''
                  ? null
                  : {
                      model: event.target.value as (typeof TRANSCRIPTION_MODELS)[number],
                      language: transcription?.language ?? null,
                    },
            })
          }
        >
          <option value="">Off</option>
          {TRANSCRIPTION_MODELS.map((name) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </SelectField>
        {transcription !== null && (
          <TextField
            label="Language of the visitor"
            value={transcription.language ?? ''}
            maxLength={2}
            placeholder="en"
            autoCapitalize="none"
            spellCheck={false}
            hint="Two letters. Empty: OpenAI recognizes it."
            fault={faultOf('conversation.transcription.language')}
            onChange={(event) =>
              change({
                transcription: {
                  ...transcription,
                  language: event.target.value.trim().toLowerCase() || null,
                },
              })
            }
          />
        )}
      </FieldRow>
    </>
  );
};

const TurnFields = ({
  value,
  faultOf,
  onChange,
}: {
  readonly value: TurnDetection | null;
  readonly faultOf: (path: string) => string | undefined;
  readonly onChange: (value: TurnDetection | null) => void;
}) => (
  <>
    <FieldRow>
      <SelectField
        label="The assistant answers"
        value={value?.type ?? ''}
        onChange={(event) =>
          onChange(
            event.target.value === ''
              ? null
              : event.target.value === 'semantic_vad'
                ? SEMANTIC_VAD
                : SERVER_VAD,
          )
        }
      >
        <option value="">OpenAI default</option>
        <option value="server_vad">After a pause</option>
        <option value="semantic_vad">When the visitor seems to have finished</option>
      </SelectField>
      {value?.type === 'semantic_vad' && (
        <SelectField
          label="Eagerness"
          value={value.eagerness}
          onChange={(event) =>
            onChange({ ...value, eagerness: event.target.value as (typeof EAGERNESS)[number] })
          }
        >
          {EAGERNESS.map((eagerness) => (
            <option key={eagerness} value={eagerness}>
              {EAGERNESS_TEXTS[eagerness]}
            </option>
          ))}
        </SelectField>
      )}
      {value !== null && (
        <SelectField
          label="While the assistant speaks"
          value={value.interrupt_response ? 'interrupt' : 'finish'}
          onChange={(event) => onChange({ ...value, interrupt_response: event.target.value === 'interrupt' })}
        >
          <option value="interrupt">Visitors can interrupt it</option>
          <option value="finish">It finishes its sentence</option>
        </SelectField>
      )}
    </FieldRow>
    {value?.type === 'server_vad' && (
      <FieldRow>
        <TextField
          label="Pause, milliseconds"
          type="number"
          min={SILENCE_DURATION_MS.min}
          max={SILENCE_DURATION_MS.max}
          value={value.silence_duration_ms}
          fault={faultOf('conversation.turn_detection.silence_duration_ms')}
          onChange={(event) => onChange({ ...value, silence_duration_ms: event.target.valueAsNumber })}
        />
        <TextField
          label="Sound kept before speech, milliseconds"
          type="number"
          min={PREFIX_PADDING_MS.min}
          max={PREFIX_PADDING_MS.max}
          value={value.prefix_padding_ms}
          fault={faultOf('conversation.turn_detection.prefix_padding_ms')}
          onChange={(event) => onChange({ ...value, prefix_padding_ms: event.target.valueAsNumber })}
        />
        <RangeField
          label="Loudness of speech"
          text={String(value.threshold)}
          min={0}
          max={1}
          step={0.05}
          value={value.threshold}
          onChange={(event) => onChange({ ...value, threshold: event.target.valueAsNumber })}
        />
      </FieldRow>
    )}
  </>
);
