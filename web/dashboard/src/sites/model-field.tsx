import { useState } from 'react';
import { useRoute } from '../api/queries.ts';
import type { DataOf } from '../api/routes.ts';
import { SelectField, TextField } from '../ui/field.tsx';
import { formatDay, formatUsd } from '../ui/format.ts';

const OTHER = 'other';

const priceOf = ({ audio }: DataOf<'readPricing'>['models'][number]): string =>
  `${formatUsd(audio.input)} in, ${formatUsd(audio.output)} out`;

/** The models of the price catalogue, each with the day on which OpenAI ends it; or any other by its id. */
export const ModelField = ({
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
  const chosen = offered.find(({ model: id }) => id === model);
  const ending = chosen?.shutdown_date ?? null;
  const hint = (
    <>
      {/* A phone cuts the text of the select. */}
      {chosen !== undefined && `${priceOf(chosen)} for a million tokens of sound. `}
      {ending !== null ? (
        <strong>OpenAI shuts this model down on {formatDay(ending)}. Choose a newer one before then.</strong>
      ) : (
        'OpenAI has not announced a shutdown date for this model.'
      )}
    </>
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
              {known !== undefined && `, ${priceOf(known)}`}
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
