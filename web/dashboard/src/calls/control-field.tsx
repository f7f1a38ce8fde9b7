import { useId } from 'react';
import { CONTROLS, type Control } from '../../../../lambdas/domain/calls/control.ts';
import { Note } from '../ui/states.tsx';
import ui from '../ui/ui.module.css';

const CHOICES: Readonly<Record<Control, { readonly title: string; readonly meaning: string }>> = {
  open: {
    title: 'Open',
    meaning:
      'Tokens and calls. Pages can talk to OpenAI directly with their own token, for example from your own client.',
  },
  brokered: {
    title: 'Brokered (recommended)',
    meaning:
      'Calls only. The broker opens each call, limits how many run and for how long, and can end them. The page has a data channel, so it can still change the session.',
  },
  locked: {
    title: 'Locked',
    meaning:
      'Calls without a data channel. The visitor can neither read nor change the session. The widget shows no captions.',
  },
};

/** The one limit that holds whatever a page does. */
export const SPEND_LIMIT_ADVICE =
  'Set a spend limit on the OpenAI project of the key: platform.openai.com → Project → Limits. OpenAI enforces this limit whatever a page does.';

/** How far the site trusts a visitor’s page, with what each choice bounds and what it does not. */
export const ControlField = ({
  control,
  fault,
  onChange,
}: {
  readonly control: Control;
  readonly fault: string | undefined;
  readonly onChange: (control: Control) => void;
}) => {
  const id = useId();
  return (
    <fieldset className={ui['choices']} aria-describedby={fault === undefined ? undefined : `${id}-fault`}>
      <legend className={ui['label']}>Control</legend>
      {CONTROLS.map((choice) => (
        <label key={choice} className={ui['choice']}>
          <input
            type="radio"
            name={id}
            checked={choice === control}
            aria-describedby={`${id}-${choice}`}
            onChange={() => onChange(choice)}
          />
          <span>
            <strong>{CHOICES[choice].title}</strong>
            <span className={ui['hint']} id={`${id}-${choice}`}>
              {CHOICES[choice].meaning}
            </span>
          </span>
        </label>
      ))}
      {fault !== undefined && (
        <div className={ui['fault']} id={`${id}-fault`} role="alert">
          {fault}
        </div>
      )}
      {control === 'open' && (
        <Note tone="warn" title="Tokens do not limit what a hostile page can spend.">
          <p>
            One token can open several sessions until it expires. Nobody can end them: not suspending the key,
            not archiving the site. A page that reports nothing keeps a session for up to an hour, and it can
            change the model’s instructions and output limit.
          </p>
          <p>{SPEND_LIMIT_ADVICE}</p>
        </Note>
      )}
    </fieldset>
  );
};
