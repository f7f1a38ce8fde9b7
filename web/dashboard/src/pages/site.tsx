import { useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { type Site, useChange, useSite } from '../api/queries.ts';
import { endingInWords } from '../calls/live-calls.ts';
import { StoppedNote } from '../calls/stopped-note.tsx';
import { KeyPanel } from '../key/key-panel.tsx';
import { useSession } from '../session.tsx';
import { EmbedTokens } from '../sites/embed-tokens.tsx';
import { ModelNotes } from '../sites/model-notes.tsx';
import { type SiteDraft, SiteForm } from '../sites/site-form.tsx';
import css from '../sites/sites.module.css';
import { embedSnippet, useWidgetFiles } from '../sites/widget-files.ts';
import { Button, ButtonLink } from '../ui/button.tsx';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { CopyButton, Snippet } from '../ui/snippet.tsx';
import { Loaded, Note } from '../ui/states.tsx';
import { Bullets, Card, Page } from '../ui/surface.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function SitePage() {
  const { siteId = '' } = useParams();
  const site = useSite(siteId);
  return (
    <Loaded query={site} what="the site" lines={5}>
      {(data) => <SiteDetail key={data.site_id} site={data} />}
    </Loaded>
  );
}

const SiteDetail = ({ site }: { readonly site: Site }) => (
  <Page
    title={site.name}
    lead={
      <span className={css['idRow']}>
        Site ID <code>{site.site_id}</code> <CopyButton text={site.site_id} label="Copy ID" />
      </span>
    }
    actions={
      <ButtonLink to={`../voice?site=${site.site_id}`} relative="path">
        Test voice
      </ButtonLink>
    }
  >
    <Tabs
      label="Site"
      tabs={[
        { id: 'settings', title: 'Settings', content: () => <Settings site={site} /> },
        { id: 'embed', title: 'Embed', content: () => <Embed site={site} /> },
        {
          id: 'visitors',
          title: 'Visitors',
          content: () => <EmbedTokens site={site} />,
        },
        {
          id: 'key',
          title: 'OpenAI key',
          content: () => (
            <KeyPanel
              place={{ scope: 'site', siteId: site.site_id }}
              isStored={site.has_key}
              title="OpenAI key of this site"
              lead="Optional. Only this site uses a key stored here, instead of the workspace’s key."
            />
          ),
        },
      ]}
    />
  </Page>
);

const draftOf = ({
  site_id: _site,
  workspace_id: _workspace,
  created_at: _at,
  created_by: _by,
  model_moved: _moved,
  warnings: _warnings,
  embed_key: _embedKey,
  has_key: _key,
  key_suspended: _suspended,
  ...rest
}: Site): SiteDraft => rest;

const Settings = ({ site }: { readonly site: Site }) => {
  const { may, workspace_id } = useWorkspace();
  const navigate = useNavigate();
  const say = useToast();
  const [archiving, setArchiving] = useState(false);
  const path = { siteId: site.site_id };
  const change = useChange((api, draft: SiteDraft) => api.call('changeSite', { path, body: draft }));
  const archive = useChange((api) => api.call('archiveSite', { path }));
  return (
    <>
      <Card
        title="Settings"
        lead="Changes apply to new sessions."
        foot={`Created ${formatTime(site.created_at)} by ${site.created_by}`}
      >
        <ModelNotes site={site} mayChange={may('admin')} />
        {!may('admin') && <Note title="Your role can view this page but cannot change it." />}
        <SiteForm
          // After an undo the form shows the model that the site has again.
          key={`${site.model} ${site.model_auto_upgrade}`}
          initial={draftOf(site)}
          submit="Save changes"
          working={change.isPending}
          failure={change.error}
          readOnly={!may('admin')}
          onSubmit={(draft, adopt) =>
            change.mutate(draft, {
              onSuccess: (saved) => {
                adopt(draftOf(saved));
                say(`${saved.name} is saved.`);
              },
            })
          }
        />
      </Card>
      {may('admin') && (
        <Card
          title="Archive this site"
          lead="Its widget stops at once and its own OpenAI key is destroyed. Usage and audit trail stay."
          aside={
            <Button kind="dangerQuiet" onClick={() => setArchiving(true)}>
              Archive
            </Button>
          }
        />
      )}
      {archiving && (
        <ConfirmDialog
          title={`Archive ${site.name}?`}
          confirm="Archive the site"
          danger
          typed={site.name}
          act={async () => {
            const { calls_ending } = await archive.mutateAsync(undefined);
            say(`${site.name} is archived. ${endingInWords(calls_ending)}`);
            void navigate(`/w/${workspace_id}/sites`);
          }}
          onClose={() => setArchiving(false)}
        >
          <Bullets
            items={[
              'New visitors see that voice is not set up.',
              'The site’s own key is destroyed. The workspace’s key stays.',
              'The site cannot be restored. A new site gets a new ID.',
            ]}
          />
          <StoppedNote stopped={{ siteId: site.site_id }} />
        </ConfirmDialog>
      )}
    </>
  );
};

/** Where the browser posts its offer: a project with data residency answers only at its region's host. */
const openAiOrigin = ({ data_residency: region }: Site): string =>
  `https://${region === 'global' ? '' : `${region}.`}api.openai.com`;

const Embed = ({ site }: { readonly site: Site }) => {
  const { config } = useSession();
  const files = useWidgetFiles();
  return (
    <>
      <Card
        title="Put it on your pages"
        lead="A script tag and an element, anywhere in the body of a page on a registered origin."
      >
        <Loaded query={files} what="the snippet">
          {(widget) => <Snippet code={embedSnippet(config, widget, site.site_id)} label="Copy snippet" />}
        </Loaded>
        <Bullets
          items={[
            <>
              It works on {site.allowed_origins.length === 1 ? 'this origin' : 'these origins'}:{' '}
              {site.allowed_origins.map((origin, index) => (
                <span key={origin}>
                  {index > 0 && ', '}
                  <code>{origin}</code>
                </span>
              ))}
              . Elsewhere it says that voice is not available.
            </>,
            'The site ID is not a secret. Your OpenAI key never reaches the browser.',
          ]}
        />
      </Card>
      <Card
        title="Content-Security-Policy"
        lead="If your pages send one, it needs these sources beside your own."
      >
        <Snippet
          label="Copy sources"
          code={[
            `script-src ${new URL(config.widget_base_url).origin}`,
            `connect-src ${new URL(config.widget_api_url).origin} ${openAiOrigin(site)}`,
          ].join('\n')}
        />
      </Card>
    </>
  );
};
