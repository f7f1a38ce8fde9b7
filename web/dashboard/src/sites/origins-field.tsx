import { Plus, X } from 'lucide-react';
import { useId, useState } from 'react';
import { Button } from '../ui/button.tsx';
import { Note } from '../ui/states.tsx';
import ui from '../ui/ui.module.css';
import { explainOrigin } from './explain-origin.ts';
import css from './sites.module.css';

/** The origins of a site, with a checker that says, while one types, whether the next would be accepted and why not. */
export const OriginsField = ({
  origins,
  onChange,
  fault,
}: {
  readonly origins: readonly string[];
  readonly onChange: (origins: readonly string[]) => void;
  readonly fault?: string | undefined;
}) => {
  const id = useId();
  const [typed, setTyped] = useState('');
  const verdict = explainOrigin(typed);
  const isKnown = verdict.ok && origins.includes(verdict.canonical);
  const add = (origin: string): void => {
    if (!origins.includes(origin)) onChange([...origins, origin]);
    setTyped('');
  };
  return (
    <div className={ui['field']}>
      <label className={ui['label']} htmlFor={id}>
        Allowed origins
      </label>
      <div className={ui['hint']} id={`${id}-hint`}>
        The pages that may start voice with your key. An origin is a scheme, a host and a port.
      </div>
      {origins.length > 0 && (
        <ul className={css['origins']} aria-label="Registered origins">
          {origins.map((origin) => (
            <li key={origin}>
              <code>{origin}</code>
              <Button
                small
                kind="quiet"
                aria-label={`Remove ${origin}`}
                onClick={() => onChange(origins.filter((other) => other !== origin))}
              >
                <X aria-hidden="true" />
              </Button>
            </li>
          ))}
        </ul>
      )}
      <div className={css['originInput']}>
        <input
          id={id}
          className={ui['input']}
          value={typed}
          inputMode="url"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          placeholder="https://www.example.com"
          aria-describedby={`${id}-hint ${id}-verdict`}
          aria-invalid={(typed !== '' && !verdict.ok) || fault !== undefined}
          onChange={(event) => setTyped(event.target.value)}
          onKeyDown={(event) => {
            if (event.key !== 'Enter') return;
            event.preventDefault();
            if (verdict.ok) add(verdict.canonical);
          }}
        />
        <Button disabled={!verdict.ok || isKnown} onClick={() => verdict.ok && add(verdict.canonical)}>
          <Plus aria-hidden="true" />
          Add
        </Button>
      </div>
      <div id={`${id}-verdict`} aria-live="polite">
        {typed !== '' && !verdict.ok && (
          <Note tone="bad" title="This origin would be refused.">
            <p>{verdict.why}</p>
            {verdict.suggestion !== undefined && (
              <div>
                <Button small onClick={() => add(verdict.suggestion ?? '')}>
                  Add {verdict.suggestion} instead
                </Button>
              </div>
            )}
          </Note>
        )}
        {typed !== '' && verdict.ok && (
          <Note
            tone="good"
            title={isKnown ? 'This origin is registered already.' : 'This origin can be added.'}
          >
            {verdict.remark !== undefined && <p>{verdict.remark}</p>}
          </Note>
        )}
      </div>
      {fault !== undefined && (
        <div className={ui['fault']} role="alert">
          {fault}
        </div>
      )}
    </div>
  );
};
