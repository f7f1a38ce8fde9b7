import { useId } from 'react';
import css from './segments.module.css';

/** One of a few, side by side: radio buttons that look like a switch. */
export const Segments = <Value extends string>({
  label,
  options,
  value,
  onChange,
}: {
  readonly label: string;
  readonly options: Readonly<Record<Value, string>>;
  readonly value: Value;
  readonly onChange: (value: Value) => void;
}) => {
  const name = useId();
  return (
    <div className={css['segments']} role="radiogroup" aria-label={label}>
      {(Object.entries(options) as [Value, string][]).map(([id, title]) => (
        <label key={id}>
          <input type="radio" name={name} checked={id === value} onChange={() => onChange(id)} />
          {title}
        </label>
      ))}
    </div>
  );
};
