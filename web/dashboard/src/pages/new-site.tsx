import { useNavigate } from 'react-router';
import { useChange } from '../api/queries.ts';
import { emptyDraft, type SiteDraft, SiteForm } from '../sites/site-form.tsx';
import { ButtonLink } from '../ui/button.tsx';
import { Note } from '../ui/states.tsx';
import { Card, Page } from '../ui/surface.tsx';
import { useToast } from '../ui/toasts.tsx';
import { useWorkspace } from '../workspace.tsx';

export default function NewSitePage() {
  const { workspace_id, data_residency, may } = useWorkspace();
  const navigate = useNavigate();
  const say = useToast();
  const create = useChange((api, draft: SiteDraft) =>
    api.call('createSite', { path: { workspaceId: workspace_id }, body: draft }),
  );
  return (
    <Page
      title="New site"
      lead="Everything here can be changed later; changes count from the next session on."
    >
      {may('admin') ? (
        <Card title="Settings">
          <SiteForm
            initial={{ ...emptyDraft, data_residency }}
            submit="Create site"
            working={create.isPending}
            failure={create.error}
            extra={
              <ButtonLink kind="quiet" to="..">
                Cancel
              </ButtonLink>
            }
            onSubmit={(draft) =>
              create.mutate(draft, {
                onSuccess: ({ site_id }) => {
                  say('The site is ready. Copy its snippet into your pages.');
                  void navigate(`/w/${workspace_id}/sites/${site_id}?tab=embed`);
                },
              })
            }
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
