import { Link } from 'react-router';
import { type KeyPlace, keyActions, type Site, useChange, useKey } from '../api/queries.ts';
import { VerdictNote } from '../key/verdict.tsx';
import { Button } from '../ui/button.tsx';
import { FailureNote, Loaded, Note } from '../ui/states.tsx';
import { Card } from '../ui/surface.tsx';
import { useWorkspace } from '../workspace.tsx';

/** Asks OpenAI whether the key that this site uses can start a session: nothing is said, nothing is charged. */
export const Probe = ({ site }: { readonly site: Site }) => {
  const { has_key, workspace_id, billing_mode, may } = useWorkspace();
  const own = useKey({ scope: 'site', siteId: site.site_id }, site.has_key);
  const shared = useKey({ scope: 'workspace', workspaceId: workspace_id }, has_key);
  if (billing_mode === 'managed')
    return (
      <Card title="1. Test the key">
        <Note title="This workspace is managed: sessions run on our key.">
          <p>There is no key to test here. Continue with the conversation.</p>
        </Note>
      </Card>
    );
  const place: KeyPlace =
    own.data != null
      ? { scope: 'site', siteId: site.site_id }
      : { scope: 'workspace', workspaceId: workspace_id };
  return (
    <Card
      title="1. Test the key"
      lead="Asks OpenAI for a client secret and discards it. There is no conversation and no charge."
    >
      <Loaded query={own} what="the key">
        {(ownKey) => (
          <Loaded query={shared} what="the key">
            {(sharedKey) => {
              const key = ownKey ?? sharedKey;
              return key === null ? (
                <Note tone="warn" title="There is no OpenAI key for this site yet.">
                  <p>
                    <Link to={`/w/${workspace_id}/billing`}>Store one under Billing</Link>, then come back.
                  </p>
                </Note>
              ) : (
                <>
                  <p>
                    This site uses {ownKey === null ? 'the workspace’s key' : 'its own key'},{' '}
                    <code>{key.masked}</code>.
                  </p>
                  {key.state === 'suspended' ? (
                    <Note tone="bad" title="This key is suspended, so it cannot be tested.">
                      <p>
                        <Link
                          to={
                            ownKey === null
                              ? `/w/${workspace_id}/billing`
                              : `/w/${workspace_id}/sites/${site.site_id}?tab=key`
                          }
                        >
                          Resume it
                        </Link>{' '}
                        when you know why it was suspended.
                      </p>
                    </Note>
                  ) : may('admin') ? (
                    <ProbeButton key={site.site_id} place={place} />
                  ) : (
                    <VerdictNote verdict={key.verdict} />
                  )}
                </>
              );
            }}
          </Loaded>
        )}
      </Loaded>
    </Card>
  );
};

const ProbeButton = ({ place }: { readonly place: KeyPlace }) => {
  const test = useChange((api) => keyActions(api, place).test());
  return (
    <>
      <div>
        <Button kind="primary" working={test.isPending} onClick={() => test.mutate(undefined)}>
          Test the key
        </Button>
      </div>
      {test.data !== undefined && <VerdictNote verdict={test.data} live />}
      {test.error !== null && <FailureNote failure={test.error} />}
    </>
  );
};
