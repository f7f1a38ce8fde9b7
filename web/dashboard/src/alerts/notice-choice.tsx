import ui from '../ui/ui.module.css';
import { NOTICE_IDS, NOTICES, type NoticeType } from './words.ts';

/** Which kinds of notice are sent: one checkbox each. */
export const NoticeChoice = ({
  legend,
  chosen,
  disabled = false,
  onChange,
}: {
  readonly legend: string;
  readonly chosen: readonly NoticeType[];
  readonly disabled?: boolean;
  readonly onChange: (chosen: readonly NoticeType[]) => void;
}) => (
  <fieldset style={{ border: 0, padding: 0, margin: 0, display: 'grid', gap: 6 }} disabled={disabled}>
    <legend className={ui['label']} style={{ marginBottom: 6 }}>
      {legend}
    </legend>
    {NOTICE_IDS.map((type) => (
      <label key={type} style={{ minHeight: 24 }}>
        <input
          type="checkbox"
          checked={chosen.includes(type)}
          onChange={(event) =>
            onChange(NOTICE_IDS.filter((id) => (id === type ? event.target.checked : chosen.includes(id))))
          }
        />{' '}
        {NOTICES[type]}
      </label>
    ))}
  </fieldset>
);
