import { useEffect } from 'react';
import { useNavigate } from 'react-router';
import { useChange } from '../api/queries.ts';
import { emptyDraft, type SiteDraft } from '../sites/site-draft.ts';
import { SiteForm } from '../sites/site-form.tsx';
import { ButtonLink } from '../ui/button.tsx';
import { Note } from '../ui/states.tsx';
import { Card, Page } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';
import { siteLimitReached } from '../workspace-settings.ts';

export default function NewSitePage() {
  const workspace = useWorkspace();
  const { workspace_id, data_residency, may } = workspace;
  const full = siteLimitReached(workspace);
  const initial = { ...emptyDraft, data_residency };
  const navigate = useNavigate();
  const say = useToast();
  const create = useChange((api, draft: SiteDraft) =>
    api.call('createSite', { path: { workspaceId: workspace_id }, body: draft }),
  );
  const created = create.data?.site_id;
  const name = create.data?.name;
  // After the form has learned that it is done: it would hold the person back.
  useEffect(() => {
    if (created === undefined) return;
    say(`${name} is ready. Copy its snippet into your pages.`);
    void navigate(`/w/${workspace_id}/sites/${created}?tab=embed`);
  }, [created, name, navigate, say, workspace_id]);
  return (
    <Page title="New site" lead="Everything here can be changed later; changes apply to new sessions.">
      {full !== undefined && created === undefined ? (
        <Note tone="warn" title={full} />
      ) : may('admin') ? (
        <Card title="Settings">
          <SiteForm
            initial={initial}
            isNew
            isDone={create.isSuccess}
            submit="Create site"
            working={create.isPending}
            failure={create.error}
            extra={
              <ButtonLink kind="quiet" to="..">
                Cancel
              </ButtonLink>
            }
            onSubmit={(changes) => create.mutate({ ...initial, ...changes })}
          />
        </Card>
      ) : (
        <Note title="Your role does not allow this.">
          <p>An admin or owner of this workspace can create sites.</p>
        </Note>
      )}
    </Page>
  );
}
