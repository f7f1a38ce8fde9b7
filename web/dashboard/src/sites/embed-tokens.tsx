import { useState } from 'react';
import { type Site, useChange } from '../api/queries.ts';
import { Actor } from '../members/actor.tsx';
import { Button } from '../ui/button.tsx';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { FieldRow, TextField } from '../ui/field.tsx';
import { formatTime } from '../ui/format.ts';
import { SecretOnce } from '../ui/secret-once.tsx';
import { Snippet } from '../ui/snippet.tsx';
import { FailureNote, Note } from '../ui/states.tsx';
import { Badge, Bullets, Card, Facts } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import { UnsavedGuard, useDraft } from '../ui/unsaved.tsx';
import { useWorkspace } from '../workspace.tsx';
import { EmbedKeyDialog } from './embed-key-dialog.tsx';

type EmbedKey = NonNullable<Site['embed_key']>;

/** Who may talk: the site's own server vouches for each visitor with a signed token. */
export const EmbedTokens = ({ site }: { readonly site: Site }) => (
  <>
    <KeyCard site={site} />
    <RulesCard site={site} />
    <CodeCard site={site} />
  </>
);

const KeyCard = ({ site }: { readonly site: Site }) => {
  const { may } = useWorkspace();
  const say = useToast();
  const [asking, setAsking] = useState<'store' | 'remove'>();
  const [secret, setSecret] = useState<string>();
  const path = { siteId: site.site_id };
  const remove = useChange((api) => api.call('removeEmbedKey', { path }));
  const { embed_key: key } = site;
  return (
    <Card
      title="Embed tokens"
      lead="Your own server decides which visitors may talk: it signs a short-lived token for each of them."
      aside={key !== null && <Badge tone="good">Key stored</Badge>}
    >
      {key === null ? <p>No key is stored, so no embed token can be verified.</p> : <KeyFacts of={key} />}
      {may('admin') && (
        <div style={{ display: 'flex', flexWrap: 'wrap', gap: 8 }}>
          <Button kind={key === null ? 'primary' : 'secondary'} onClick={() => setAsking('store')}>
            {key === null ? 'Create a key' : 'Replace the key'}
          </Button>
          {key !== null && (
            <Button kind="dangerQuiet" onClick={() => setAsking('remove')}>
              Remove the key
            </Button>
          )}
        </div>
      )}
      {asking === 'store' && (
        <EmbedKeyDialog
          site={site}
          onStored={(stored) => {
            setAsking(undefined);
            if (stored === null) say(`The public key of ${site.name} is stored.`);
            else setSecret(stored);
          }}
          onClose={() => setAsking(undefined)}
        />
      )}
      {asking === 'remove' && (
        <ConfirmDialog
          title="Remove the embed key?"
          confirm="Remove the key"
          danger
          act={async () => {
            await remove.mutateAsync(undefined);
            say(`The embed key of ${site.name} is removed.`);
          }}
          onClose={() => setAsking(undefined)}
        >
          <Bullets
            items={[
              'Every embed token of this site is refused from now on.',
              site.require_embed_token
                ? 'The site requires embed tokens, so no visitor can talk until a new key is stored.'
                : 'The site does not require embed tokens, so visitors can still talk.',
            ]}
          />
        </ConfirmDialog>
      )}
      {secret !== undefined && (
        <SecretOnce title="Secret for embed tokens" secret={secret} onClose={() => setSecret(undefined)}>
          <p>Keep it on your server, never in a page. The example below signs with it.</p>
        </SecretOnce>
      )}
    </Card>
  );
};

const KeyFacts = ({ of }: { readonly of: EmbedKey }) => (
  <Facts
    items={[
      ['Algorithm', of.algorithm === 'HS256' ? 'HS256 (shared secret)' : 'ES256 (your public key)'],
      ['Key ID', <code key="id">{of.key_id}</code>],
      [
        'Stored',
        <span key="stored">
          {formatTime(of.created_at)} by <Actor id={of.created_by} />
        </span>,
      ],
    ]}
  />
);

/** An empty field is no limit. */
const limitIn = (text: string): number | null => (text === '' ? null : Number(text));

const RulesCard = ({ site }: { readonly site: Site }) => {
  const { may } = useWorkspace();
  const say = useToast();
  const { require_embed_token, visitor_limits } = site;
  const stored = { require_embed_token, visitor_limits };
  const { draft, dirty, set, send, adopt, changedByOthers } = useDraft(stored);
  const change = useChange(async (api, body: Partial<typeof stored>) => {
    const path = { siteId: site.site_id };
    refuseOverwrite(changedByOthers(await api.call('readSite', { path })));
    return api.call('changeSite', { path, body });
  });
  const setLimit = (name: keyof typeof visitor_limits, text: string): void =>
    set('visitor_limits', { ...draft.visitor_limits, [name]: limitIn(text) });
  const readOnly = !may('admin');
  return (
    <Card title="Rules for visitors" lead="Changes apply to new sessions.">
      <UnsavedGuard dirty={dirty} />
      <form
        style={{ display: 'grid', gap: 16 }}
        onSubmit={(event) => {
          event.preventDefault();
          change.mutate(send(), {
            onSuccess: (saved) => {
              adopt(saved);
              say(`The rules for visitors of ${site.name} are saved.`);
            },
          });
        }}
      >
        <label>
          <input
            type="checkbox"
            checked={draft.require_embed_token}
            disabled={readOnly}
            onChange={(event) => set('require_embed_token', event.target.checked)}
          />{' '}
          Only visitors with an embed token may talk
        </label>
        {draft.require_embed_token && site.embed_key === null && (
          <Note tone="warn" title="No key is stored. Create one first, or no visitor can talk." />
        )}
        <FieldRow>
          <TextField
            label="Conversations of one visitor a day"
            type="number"
            min={1}
            placeholder="no limit"
            hint="Counted by the sub of the embed token and by UTC day."
            readOnly={readOnly}
            value={draft.visitor_limits.calls_per_day ?? ''}
            onChange={(event) => setLimit('calls_per_day', event.target.value)}
          />
          <TextField
            label="Minutes of one visitor a day"
            type="number"
            min={1}
            placeholder="no limit"
            readOnly={readOnly}
            value={draft.visitor_limits.minutes_per_day ?? ''}
            onChange={(event) => setLimit('minutes_per_day', event.target.value)}
          />
        </FieldRow>
        {change.error !== null && <FailureNote failure={change.error} />}
        {!readOnly && (
          <div>
            <Button type="submit" kind="primary" working={change.isPending} disabled={!dirty}>
              Save the rules
            </Button>
          </div>
        )}
      </form>
    </Card>
  );
};

const serverCode = ({ site_id, embed_key }: Site): string => {
  const isPublic = embed_key?.algorithm === 'ES256';
  return `import { ${isPublic ? 'importPKCS8, ' : ''}SignJWT } from 'jose';

const key = ${
    isPublic
      ? "await importPKCS8(process.env.EMBED_PRIVATE_KEY, 'ES256')"
      : 'new TextEncoder().encode(process.env.EMBED_SECRET)'
  };

app.get('/voice-token', async (request, response) => {
  const token = await new SignJWT({})
    .setProtectedHeader({ alg: '${isPublic ? 'ES256' : 'HS256'}' })
    .setAudience('${site_id}')
    .setSubject(request.visitorId)
    .setJti(crypto.randomUUID())
    .setExpirationTime('2m')
    .sign(key);
  response.type('text').send(token);
});`;
};

const PAGE_CODE = `document.querySelector('spelo-voice').getEmbedToken =
  async () => (await fetch('/voice-token')).text();`;

const CodeCard = ({ site }: { readonly site: Site }) => (
  <Card title="Code" lead="A token is valid for one session and at most five minutes.">
    <h3>On your server</h3>
    <Snippet code={serverCode(site)} label="Copy server code" />
    <h3>On your page, after the embed snippet</h3>
    <Snippet code={PAGE_CODE} label="Copy page code" />
  </Card>
);
