import { lazy, Suspense, useState } from 'react';
import { useNavigate, useParams } from 'react-router';
import { type Site, useChange, useSite } from '../api/queries.ts';
import { endingInWords } from '../calls/live-calls.ts';
import { StoppedNote } from '../calls/stopped-note.tsx';
import { KeyPanel } from '../key/key-panel.tsx';
import { Actor } from '../members/actor.tsx';
import { EmbedTokens } from '../sites/embed-tokens.tsx';
import { ModelNotes } from '../sites/model-notes.tsx';
import type { SiteDraft } from '../sites/site-draft.ts';
import { SiteForm } from '../sites/site-form.tsx';
import css from '../sites/sites.module.css';
import { Button, ButtonLink } from '../ui/button.tsx';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { ConfirmDialog } from '../ui/dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { CopyButton } from '../ui/snippet.tsx';
import { Loaded, Loading, Note } from '../ui/states.tsx';
import { Bullets, Card, Page } from '../ui/surface.tsx';
import { Tabs } from '../ui/tabs.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';

const FormerInstructions = lazy(() => import('../sites/former-instructions.tsx'));
const EmbedPage = lazy(() => import('../embed/embed-page.tsx'));
const FunctionsCard = lazy(() => import('../functions/functions-card.tsx'));

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
        {
          id: 'embed',
          title: 'Embed',
          content: () => (
            <Suspense fallback={<Loading what="the page" lines={4} />}>
              <EmbedPage site={site} />
            </Suspense>
          ),
        },
        {
          id: 'functions',
          title: 'Functions',
          content: () => (
            <Suspense fallback={<Loading what="the functions" lines={4} />}>
              <FunctionsCard site={site} />
            </Suspense>
          ),
        },
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
  tools: _tools,
  ...rest
}: Site): SiteDraft => rest;

interface SiteChange {
  readonly body: Partial<SiteDraft>;
  readonly changedByOthers: (now: SiteDraft) => readonly string[];
}

const Settings = ({ site }: { readonly site: Site }) => {
  const { may, workspace_id } = useWorkspace();
  const navigate = useNavigate();
  const say = useToast();
  const [archiving, setArchiving] = useState(false);
  const [showsFormer, setShowsFormer] = useState(false);
  const [restored, setRestored] = useState(0);
  const path = { siteId: site.site_id };
  const change = useChange(async (api, { body, changedByOthers }: SiteChange) => {
    refuseOverwrite(changedByOthers(draftOf(await api.call('readSite', { path }))));
    return api.call('changeSite', { path, body });
  });
  const archive = useChange((api) => api.call('archiveSite', { path }));
  return (
    <>
      <Card
        title="Settings"
        lead="Changes apply to new sessions."
        foot={
          <span>
            Created {formatTime(site.created_at)} by <Actor id={site.created_by} />
          </span>
        }
        aside={
          <Button small onClick={() => setShowsFormer(true)}>
            Former instructions
          </Button>
        }
      >
        {showsFormer && (
          <Suspense>
            <FormerInstructions
              site={site}
              mayChange={may('admin')}
              onRestored={() => {
                setShowsFormer(false);
                setRestored(restored + 1);
                say(`The former instructions of ${site.name} are restored.`);
              }}
              onClose={() => setShowsFormer(false)}
            />
          </Suspense>
        )}
        <ModelNotes site={site} mayChange={may('admin')} />
        {!may('admin') && <Note title="Your role can view this page but cannot change it." />}
        <SiteForm
          initial={draftOf(site)}
          submit="Save changes"
          working={change.isPending}
          failure={change.error}
          readOnly={!may('admin')}
          restored={restored}
          onSubmit={(body, { adopt, changedByOthers }) =>
            change.mutate(
              { body, changedByOthers },
              {
                onSuccess: (saved) => {
                  adopt(draftOf(saved));
                  say(`${saved.name} is saved.`);
                },
              },
            )
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
