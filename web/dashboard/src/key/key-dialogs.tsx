import { useId, useState } from 'react';
import { type KeyPlace, keyActions, useChange } from '../api/queries.ts';
import { endingInWords, type Stopped } from '../calls/live-calls.ts';
import { StoppedNote } from '../calls/stopped-note.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { Bullets } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import ui from '../ui/ui.module.css';

/** The calls that run on whatever key is stored here. */
const callsOn = (place: KeyPlace): Stopped =>
  place.scope === 'workspace' ? { keyScope: 'workspace' } : { keyScope: 'site', siteId: place.siteId };

type LiveCalls = 'end' | 'keep';
const LIVE_CALLS: Readonly<Record<LiveCalls, { readonly title: string; readonly meaning: string }>> = {
  end: { title: 'End live calls', meaning: 'For a key that leaks or spends too much.' },
  keep: { title: 'Keep live calls', meaning: 'Visitors can finish their conversations. No new ones start.' },
};

export const SuspendDialog = ({
  place,
  onClose,
}: {
  readonly place: KeyPlace;
  readonly onClose: () => void;
}) => {
  const say = useToast();
  const name = useId();
  const [liveCalls, setLiveCalls] = useState<LiveCalls>('end');
  const suspend = useChange((api) => keyActions(api, place).suspend(liveCalls));
  return (
    <ConfirmDialog
      title="Suspend this key?"
      confirm="Suspend"
      danger
      act={async () => {
        await suspend.mutateAsync(undefined);
        say(
          liveCalls === 'end'
            ? 'The key is suspended. Its live calls are being ended.'
            : 'The key is suspended. Live calls continue until they end.',
        );
      }}
      onClose={onClose}
    >
      <Bullets
        items={['No new session can use it.', 'The key stays stored. You can resume it at any time.']}
      />
      <fieldset className={ui['choices']}>
        <legend className={ui['label']}>Calls that run now</legend>
        {(Object.keys(LIVE_CALLS) as LiveCalls[]).map((choice) => (
          <label key={choice} className={ui['choice']}>
            <input
              type="radio"
              name={name}
              checked={choice === liveCalls}
              onChange={() => setLiveCalls(choice)}
            />
            <span>
              <strong>{LIVE_CALLS[choice].title}</strong>
              <span className={ui['hint']}>{LIVE_CALLS[choice].meaning}</span>
            </span>
          </label>
        ))}
      </fieldset>
      <StoppedNote stopped={callsOn(place)} keepsCalls={liveCalls === 'keep'} />
    </ConfirmDialog>
  );
};

export const DeleteDialog = ({
  place,
  masked,
  onClose,
}: {
  readonly place: KeyPlace;
  readonly masked: string;
  readonly onClose: () => void;
}) => {
  const say = useToast();
  const remove = useChange((api) => keyActions(api, place).delete());
  return (
    <ConfirmDialog
      title="Delete this key?"
      confirm="Delete the key"
      danger
      typed={masked.slice(-4)}
      act={async () => {
        const { calls_ending } = await remove.mutateAsync(undefined);
        say(`The key is deleted. ${endingInWords(calls_ending)}`);
      }}
      onClose={onClose}
    >
      <Bullets
        items={[
          'The key and every retained version are destroyed. Nobody can restore them, including us.',
          place.scope === 'workspace'
            ? 'Sites without their own key stop offering voice to new visitors. They never fall back to the platform’s key.'
            : 'New visitors of this site use the workspace’s key, if there is one.',
          'The key stays valid at OpenAI. If it may have leaked, revoke it there too.',
        ]}
      />
      <StoppedNote stopped={callsOn(place)} />
    </ConfirmDialog>
  );
};
