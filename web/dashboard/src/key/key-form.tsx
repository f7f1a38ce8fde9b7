import { useId, useRef, useState } from 'react';
import { readPastedKey } from '../../../../lambdas/domain/keys/pasted-key.ts';
import { ApiFailure } from '../api/failure.ts';
import { type KeyPlace, keyActions, useRefresh } from '../api/queries.ts';
import { SPEND_LIMIT_ADVICE } from '../calls/control-field.tsx';
import { useSession } from '../session.tsx';
import { Button } from '../ui/button.tsx';
import { FailureNote, Note } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';
import css from '../ui/ui.module.css';
import { stepForVerdict } from './verdict.tsx';

type State =
  | { readonly at: 'empty' | 'asking' }
  | { readonly at: 'wrong'; readonly why: string }
  | { readonly at: 'failed'; readonly failure: unknown };

/** The first fault that the text alone shows, before it is sent anywhere. The service checks again. */
const lookAt = (text: string): string | undefined => {
  const read = readPastedKey(text);
  return 'fault' in read ? read.message : undefined;
};

/**
 * Takes a pasted key and stores it once OpenAI has accepted it. The key lives in the input field alone, for as long as
 * the one request takes: it is in no state, no cache and no attribute, and the field is emptied before the answer is.
 */
export const KeyForm = ({
  place,
  replaces,
  onDone,
}: {
  readonly place: KeyPlace;
  readonly replaces: boolean;
  readonly onDone?: () => void;
}) => {
  const { api } = useSession();
  const refresh = useRefresh();
  const say = useToast();
  const input = useRef<HTMLInputElement>(null);
  const id = useId();
  const [state, setState] = useState<State>({ at: 'empty' });
  /** Offered after OpenAI could not be asked about a key that replaces another. */
  const [anyway, setAnyway] = useState<boolean>();

  const store = async (): Promise<void> => {
    const field = input.current;
    if (field === null || state.at === 'asking') return;
    const why = lookAt(field.value);
    if (why !== undefined) {
      setState({ at: 'wrong', why });
      return;
    }
    setState({ at: 'asking' });
    try {
      const sent = keyActions(api, place).put(field.value, anyway === true);
      field.value = '';
      const stored = await sent;
      setState({ at: 'empty' });
      say(`Stored as ${stored.masked}, version ${stored.version}.`);
      await refresh();
      onDone?.();
    } catch (failure) {
      setState({ at: 'failed', failure });
      if (failure instanceof ApiFailure && failure.code === 'openai_key_unverified') setAnyway(false);
      field.focus();
    }
  };

  const described = state.at === 'wrong' ? `${id}-hint ${id}-fault` : `${id}-hint`;
  return (
    <form
      style={{ display: 'grid', gap: 14 }}
      onSubmit={(event) => {
        event.preventDefault();
        void store();
      }}
    >
      <div className={css['field']}>
        <label className={css['label']} htmlFor={id}>
          {replaces ? 'New OpenAI API key' : 'OpenAI API key'}
        </label>
        <input
          ref={input}
          id={id}
          className={css['input']}
          type="password"
          autoComplete="off"
          spellCheck={false}
          placeholder="sk-…"
          aria-describedby={described}
          aria-invalid={state.at === 'wrong' || state.at === 'failed'}
          onInput={() => {
            if (state.at === 'wrong' || state.at === 'failed') setState({ at: 'empty' });
          }}
          onPaste={() => {
            // After the paste has reached the field.
            setTimeout(() => {
              const why = lookAt(input.current?.value ?? '');
              if (why !== undefined) setState({ at: 'wrong', why });
            });
          }}
        />
        <div className={css['hint']} id={`${id}-hint`}>
          A project key with Models “Read” and Model capabilities “Request” is enough. It is tested at OpenAI
          first, free of charge, then sealed. After that, you can only see its last four characters.{' '}
          {SPEND_LIMIT_ADVICE}
        </div>
        {state.at === 'wrong' && (
          <div className={css['fault']} id={`${id}-fault`} role="alert">
            {state.why}
          </div>
        )}
      </div>
      {state.at === 'asking' && (
        <Note live title="Asking OpenAI whether this key can start a voice session…" />
      )}
      {state.at === 'failed' && <KeyRefusal failure={state.failure} />}
      {anyway !== undefined && (
        <label>
          <input type="checkbox" checked={anyway} onChange={(event) => setAnyway(event.target.checked)} />{' '}
          Paste the new key again to replace the current key even if OpenAI cannot be reached.
        </label>
      )}
      <div className={css['actions']}>
        <Button type="submit" kind="primary" working={state.at === 'asking'}>
          {anyway === true ? 'Replace anyway' : replaces ? 'Test and replace' : 'Test and store'}
        </Button>
        {onDone !== undefined && (
          <Button kind="quiet" onClick={onDone}>
            {anyway === undefined ? 'Cancel' : 'Keep the current key'}
          </Button>
        )}
      </div>
    </form>
  );
};

/** A refused key: what OpenAI found, and where it is put right. Nothing was stored. */
const KeyRefusal = ({ failure }: { readonly failure: unknown }) => {
  const detail = failure instanceof ApiFailure ? failure.details[0] : undefined;
  const step = detail === undefined ? undefined : stepForVerdict(detail.path);
  if (!(failure instanceof ApiFailure) || detail === undefined || step === undefined)
    return <FailureNote failure={failure} />;
  return (
    <Note
      tone="bad"
      live
      title={
        failure.code === 'openai_key_unverified'
          ? 'OpenAI could not be reached to test this key. The current key was kept.'
          : 'This key was not stored.'
      }
    >
      <p>{detail.message}</p>
      {failure.details.length > 1 && (
        <ul>
          {failure.details.slice(1).map(({ path, message }) => (
            <li key={path}>{message}</li>
          ))}
        </ul>
      )}
      <p>
        <strong>Next:</strong> {step}
      </p>
      <p className={css['meta']}>
        <span className={css['mono']}>{detail.path}</span>
        {failure.requestId !== undefined && (
          <>
            {' '}
            · Request ID: <span className={css['mono']}>{failure.requestId}</span>
          </>
        )}
      </p>
    </Note>
  );
};
