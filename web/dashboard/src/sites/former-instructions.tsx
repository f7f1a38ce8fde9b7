import { diffWordsWithSpace } from 'diff';
import { useRef } from 'react';
import { type Site, useChange, useRefresh, useRoute } from '../api/queries.ts';
import { Actor } from '../members/actor.tsx';
import { Button } from '../ui/button.tsx';
import { refuseOverwrite } from '../ui/changed-meanwhile.ts';
import { Dialog } from '../ui/dialog.tsx';
import { formatTime } from '../ui/format.ts';
import { Empty, FailureNote, Loaded } from '../ui/states.tsx';
import css from './sites.module.css';

/** Versions that the dialog shows; the API has all of them. */
const SHOWN = 20;

/** The instructions that a site had before, each compared with the current ones, to put one back. */
export default function FormerInstructions({
  site,
  mayChange,
  onRestored,
  onClose,
}: {
  readonly site: Site;
  readonly mayChange: boolean;
  readonly onRestored: () => void;
  readonly onClose: () => void;
}) {
  const path = { siteId: site.site_id };
  const former = useRoute('listFormerInstructions', { path, query: { limit: SHOWN } });
  const refresh = useRefresh();
  const known = useRef(site.instructions);
  const change = useChange(async (api, instructions: string) => {
    const now = (await api.call('readSite', { path })).instructions;
    const isOther = now !== known.current;
    known.current = now;
    refuseOverwrite(isOther ? ['instructions'] : []);
    return api.call('changeSite', { path, body: { instructions } });
  });
  return (
    <Dialog
      wide
      title="Former instructions"
      onClose={onClose}
      foot={
        <Button kind="quiet" onClick={onClose}>
          Close
        </Button>
      }
    >
      {change.error !== null && <FailureNote failure={change.error} />}
      <Loaded query={former} what="former instructions">
        {({ items }) =>
          items.length === 0 ? (
            <Empty title="No former instructions">They appear here when the instructions are changed.</Empty>
          ) : (
            <ol className={css['versions']}>
              {items.map(({ instructions, replaced_at, replaced_by }) => (
                <li key={replaced_at}>
                  <div className={css['versionHead']}>
                    <span>
                      Until {formatTime(replaced_at)}, replaced by <Actor id={replaced_by} />
                    </span>
                    {mayChange && (
                      <Button
                        small
                        working={change.isPending && change.variables === instructions}
                        disabled={instructions === site.instructions}
                        onClick={() =>
                          change.mutate(instructions, {
                            onSuccess: onRestored,
                            onError: () => void refresh(),
                          })
                        }
                      >
                        Restore
                      </Button>
                    )}
                  </div>
                  <Difference from={instructions} to={site.instructions} />
                </li>
              ))}
            </ol>
          )
        }
      </Loaded>
    </Dialog>
  );
}

/** The earlier text: what the current one lacks is marked as removed, what it has instead as added. */
const Difference = ({ from, to }: { readonly from: string; readonly to: string }) => {
  let at = 0;
  return (
    <p className={css['difference']}>
      {diffWordsWithSpace(from, to).map(({ value, added, removed }) => {
        const key = at;
        at += value.length;
        if (added) return <ins key={`+${key}`}>{value}</ins>;
        return removed ? <del key={`-${key}`}>{value}</del> : <span key={key}>{value}</span>;
      })}
    </p>
  );
};
