import { type Site, useChange } from '../api/queries.ts';
import { Button } from '../ui/button.tsx';
import { formatTime } from '../ui/format.ts';
import { FailureNote, Note } from '../ui/states.tsx';
import { useToast } from '../ui/toasts.tsx';

/** Notes for the owner about the model of a site, and the way back from a move that the service made. */
export const ModelNotes = ({ site, mayChange }: { readonly site: Site; readonly mayChange: boolean }) => {
  const say = useToast();
  const undo = useChange((api, model: string) =>
    api.call('changeSite', {
      path: { siteId: site.site_id },
      body: { model, model_auto_upgrade: false },
    }),
  );
  const moved = site.model_moved;
  return (
    <>
      {site.warnings.map(({ code, message }) => (
        <Note key={code} tone="warn" title={message} />
      ))}
      {moved !== null && (
        <Note title={`Moved from ${moved.from} to ${moved.to} on ${formatTime(moved.at)}.`}>
          <p>OpenAI is shutting down {moved.from}. You can switch back until then.</p>
          {mayChange && (
            <div>
              <Button
                small
                working={undo.isPending}
                onClick={() =>
                  undo.mutate(moved.from, { onSuccess: () => say(`${site.name} is back on ${moved.from}.`) })
                }
              >
                Undo the move
              </Button>
            </div>
          )}
        </Note>
      )}
      {undo.error !== null && <FailureNote failure={undo.error} />}
    </>
  );
};
