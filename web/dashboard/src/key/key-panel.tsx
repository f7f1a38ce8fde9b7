import { KeyRound } from 'lucide-react';
import { lazy, Suspense, useState } from 'react';
import {
  type KeyPlace,
  keyActions,
  type MaskedKey,
  useChange,
  useKey,
  useKeyVersions,
  type Verdict,
} from '../api/queries.ts';
import { Actor } from '../members/actor.tsx';
import { Button } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { FailureNote, Loaded, Loading, Note } from '../ui/states.tsx';
import { Badge, Bullets, Card, Facts } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import css from '../ui/ui.module.css';
import { useWorkspace } from '../workspace.tsx';
import { KeyHistory } from './key-history.tsx';
import { KEY_STATES } from './key-states.ts';
import { VerdictNote } from './verdict.tsx';

/** Loaded when they are needed: rarely with the first page. */
const SuspendDialog = lazy(async () => ({ default: (await import('./key-dialogs.tsx')).SuspendDialog }));
const DeleteDialog = lazy(async () => ({ default: (await import('./key-dialogs.tsx')).DeleteDialog }));

const KeyForm = lazy(async () => ({ default: (await import('./key-form.tsx')).KeyForm }));

/** One OpenAI key, of the workspace or of a site: its state and everything that can be done with it. */
export const KeyPanel = ({
  place,
  isStored,
  title,
  lead,
}: {
  readonly place: KeyPlace;
  readonly isStored: boolean;
  readonly title: string;
  readonly lead: string;
}) => {
  const { may } = useWorkspace();
  const key = useKey(place, isStored);
  return (
    <Card
      title={title}
      lead={lead}
      aside={
        key.data && <Badge tone={KEY_STATES[key.data.state].tone}>{KEY_STATES[key.data.state].text}</Badge>
      }
    >
      <Loaded query={key} what="the OpenAI key">
        {(stored) =>
          stored !== null ? (
            <StoredKey place={place} stored={stored} />
          ) : may('admin') ? (
            <Suspense fallback={<Loading what="the form" />}>
              <KeyForm place={place} replaces={false} />
            </Suspense>
          ) : (
            <Note title="No key is stored here.">
              <p>An admin or owner of this workspace can store one.</p>
            </Note>
          )
        }
      </Loaded>
    </Card>
  );
};

type Asking = 'rotate' | 'rollback' | 'suspend' | 'delete';

const StoredKey = ({ place, stored }: { readonly place: KeyPlace; readonly stored: MaskedKey }) => {
  const { may } = useWorkspace();
  const [replacing, setReplacing] = useState(false);
  const [asking, setAsking] = useState<Asking>();
  // The first version has none before it.
  const versions = useKeyVersions(place, { enabled: stored.version > 1 && may('admin') });
  const previous = versions.data?.find(({ state }) => state === 'retained');
  const say = useToast();
  // The result of a test is of the version that was tested.
  const test = useChange<number, Verdict>((api) => keyActions(api, place).test());
  const tested = test.variables === stored.version;
  const resume = useChange((api) => keyActions(api, place).resume());
  const change = useChange<'rotate' | 'rollback', unknown>((api, action) => keyActions(api, place)[action]());
  const done = (text: string) => (action: 'rotate' | 'rollback') => async (): Promise<void> => {
    await change.mutateAsync(action);
    say(text);
  };
  return (
    <>
      <div style={{ display: 'flex', alignItems: 'center', gap: 12 }}>
        <KeyRound size={20} aria-hidden="true" />
        <code style={{ fontSize: '1.133rem', fontWeight: 600 }}>{stored.masked}</code>
      </div>
      <Facts
        items={[
          ['Version', stored.version],
          [
            'Stored',
            <span key="stored">
              {formatTime(stored.created_at)}{' '}
              <span className={css['meta']}>
                by <Actor id={stored.created_by} />
              </span>
            </span>,
          ],
          ['Last used', formatTime(stored.last_used_at)],
          ['Last verified', formatTime(stored.last_verified_at)],
        ]}
      />
      {stored.state === 'suspended' && (
        <Note tone="bad" title="Voice is switched off: this key is suspended.">
          <p>Visitors see that voice is not available. Resume the key when you know why it was suspended.</p>
        </Note>
      )}
      {stored.state === 'degraded' && (
        <Note tone="warn" title="Conversations on this key fail at OpenAI, although it can still start them.">
          <p>See Usage, Errors for what OpenAI answered and what to do. Until then, visitors see an error.</p>
        </Note>
      )}
      {stored.state === 'needs_reentry' && (
        <Note tone="bad" title="The stored record can no longer be read.">
          <p>Paste the key again. This replaces the damaged record with a new version.</p>
        </Note>
      )}
      {tested && test.data !== undefined ? (
        <VerdictNote verdict={test.data} live />
      ) : (
        stored.state !== 'needs_reentry' && <VerdictNote verdict={stored.verdict} />
      )}
      {tested && test.error !== null && <FailureNote failure={test.error} />}
      {resume.error !== null && <FailureNote failure={resume.error} />}
      <Suspense>
        {replacing && <KeyForm place={place} replaces onDone={() => setReplacing(false)} />}
      </Suspense>
      {may('admin') && !replacing && (
        <div className={css['actions']}>
          <Button
            kind="primary"
            working={test.isPending}
            disabled={stored.state === 'suspended'}
            onClick={() => test.mutate(stored.version)}
          >
            Test the key
          </Button>
          <Button onClick={() => setReplacing(true)}>Replace</Button>
          <Button onClick={() => setAsking('rotate')}>Rotate</Button>
          {previous !== undefined && (
            <Button onClick={() => setAsking('rollback')}>
              Roll back to version {previous.version} (…{previous.masked.slice(-4)})
            </Button>
          )}
          {stored.state === 'suspended' ? (
            <Button working={resume.isPending} onClick={() => resume.mutate(undefined)}>
              Resume
            </Button>
          ) : (
            <Button onClick={() => setAsking('suspend')}>Suspend</Button>
          )}
          <Button kind="dangerQuiet" onClick={() => setAsking('delete')}>
            Delete
          </Button>
        </div>
      )}
      <KeyHistory place={place} />
      {asking === 'rotate' && (
        <ConfirmDialog
          title="Rotate the encryption of this key?"
          confirm="Rotate"
          act={done(`${stored.masked} is re-encrypted with a new data key.`)('rotate')}
          onClose={() => setAsking(undefined)}
        >
          <Bullets
            items={[
              'The same OpenAI key is encrypted again under a fresh data key, as a new version.',
              'Visitors notice nothing. Running sessions continue.',
              'This does not help if the OpenAI key has leaked. In that case, create a new key at OpenAI and replace this one.',
            ]}
          />
        </ConfirmDialog>
      )}
      {asking === 'rollback' && previous !== undefined && (
        <ConfirmDialog
          title={`Roll back to version ${previous.version}, the key ending in ${previous.masked.slice(-4)}?`}
          confirm="Roll back"
          act={done(`Rolled back to version ${previous.version}, ${previous.masked}.`)('rollback')}
          onClose={() => setAsking(undefined)}
        >
          <Bullets
            items={[
              `New sessions use the key ${previous.masked}.`,
              `It is retained until ${formatTime(previous.retained_until)}.`,
              'If that key was revoked at OpenAI, it stays revoked. Test it after the rollback.',
            ]}
          />
        </ConfirmDialog>
      )}
      <Suspense>
        {asking === 'suspend' && <SuspendDialog place={place} onClose={() => setAsking(undefined)} />}
        {asking === 'delete' && (
          <DeleteDialog place={place} masked={stored.masked} onClose={() => setAsking(undefined)} />
        )}
      </Suspense>
    </>
  );
};
